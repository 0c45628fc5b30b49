"""Commands that ask a model share their options; without an endpoint they say what to give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from qevd_bio.cli.asking import Asking, asks_a_model
from qevd_bio.cli.errors import DONE, guarded
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit
from qevd_bio.cli.progress import asked_text
from qevd_bio.llm.asking import Asked
from qevd_bio.llm.endpoint import KEY_VARIABLE
from tests.llm.asking_fixtures import questions
from tests.llm.scripted_server import MODEL, Act, serving


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()

    @made.command()
    @guarded
    @asks_a_model
    def ask(
        folder: Annotated[Path, typer.Argument()], asking: Asking, as_json: Json = False
    ) -> int:
        """Ask."""
        with asking.client(folder / "answers.jsonl") as client:
            texts = [one.text for one in client.ask(questions(5))]
            emit(texts, "\n".join(texts), as_json=as_json)
        return DONE

    return made


def run(app: typer.Typer, *words: str, **environment: str) -> Any:
    return CliRunner().invoke(app, list(words), env=environment)


def test_a_command_gets_a_client_for_what_the_options_say(
    app: typer.Typer, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("sk-from-file\n", encoding="utf-8")
    with serving(lambda text, before, body: Act(content=text)) as server:
        options = ["--model", MODEL, "--key-file", str(key_file), "--max-requests", "3"]
        words = [str(tmp_path), "--endpoint", server.url, *options, "--concurrency", "1"]
        result = run(app, *words, "--json")
        assert result.exit_code == 1
        assert "3 calls of 3" in result.stderr
        assert "3/5 answers" in result.stderr or "3 answers" in result.stderr
        assert server.seen.headers[0]["authorization"] == "bearer sk-from-file"
        words[words.index("3")] = "5"
        more = ["--answers", str(tmp_path / "answers.jsonl")]
        result = run(app, *words, *more, "--json")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout) == [f"q{i}" for i in range(5)]
        assert len(server.seen.asked) == 5


def test_endpoint_model_and_key_come_from_the_environment(
    app: typer.Typer, tmp_path: Path
) -> None:
    with serving(lambda text, before, body: Act(content=text)) as server:
        environment = {"QEVD_BIO_LLM_ENDPOINT": server.url, "QEVD_BIO_LLM_MODEL": MODEL}
        result = run(app, str(tmp_path), **environment, **{KEY_VARIABLE: "sk-from-env"})
        assert result.exit_code == 0, result.stderr
        assert server.seen.headers[0]["authorization"] == "bearer sk-from-env"
    assert "sk-from-env" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give --endpoint URL and --model NAME"),
        (["--endpoint", "http://127.0.0.1:9"], "Give --model NAME"),
        (["--endpoint", "nowhere", "--model", "m"], "no http or https URL"),
        (["--endpoint", "http://x", "--model", "m", "--max-cost", "1"], "no prices"),
        (["--endpoint", "http://x", "--model", "m", "--key-file", "/nowhere"], "cannot be read"),
    ],
)
def test_what_is_missing_is_said(
    words: list[str], said: str, app: typer.Typer, tmp_path: Path
) -> None:
    result = run(app, str(tmp_path), *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_options_are_listed_as_a_group(app: typer.Typer) -> None:
    shown = run(app, "--help", TERMINAL_WIDTH="200").stdout
    for option in ("--endpoint", "--model", "--key-file", "--concurrency", "--max-tokens-total"):
        assert option in shown


def test_progress_is_one_line_without_what_is_not_known() -> None:
    first = Asked(None, 0, 0, 0, 0, 0, None, 0.0)
    assert asked_text(first) == "0 answers (0 known, 0 unscored), 0 calls, 0 tokens"
    later = Asked(900, 120, 40, 2, 82, 3210, 0.5, 40.0)
    assert asked_text(later) == (
        "120/900 answers (40 known, 2 unscored), 82 calls, 3,210 tokens, cost 0.50, "
        "2/s, ~6:30 left"
    )
