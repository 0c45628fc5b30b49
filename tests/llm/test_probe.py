"""`doctor --endpoint` tells what a server offers, and fails only where there is no server."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qevd_bio import environment
from qevd_bio.cli.main import app
from qevd_bio.llm import waiting
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.endpoint import KEY_VARIABLE, Endpoint
from qevd_bio.llm.probe import offers, plain_png
from tests.llm.asking_fixtures import TEAL
from tests.llm.scripted_server import MODEL, Act, serving


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)


def colour_of(url: str) -> tuple[int, ...]:
    """Decode the first pixel of a PNG without filters."""
    import base64

    data = base64.b64decode(url.partition("base64,")[2])
    place = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[place - 4 : place])
    return tuple(zlib.decompress(data[place + 4 : place + 4 + length])[1:4])


def seeing(text: str, before: int, body: dict[str, Any]) -> Act:
    """Offer everything."""
    content = body["messages"][-1]["content"]
    if isinstance(content, list):
        colour = colour_of(content[1]["image_url"]["url"])
        return Act(content=f"{('Red', 'Green', 'Blue')[colour.index(max(colour))]}.")
    return TEAL if "response_format" in body else Act(content="text", usage=(9, 50), delay_s=0.05)


def blind(text: str, before: int, body: dict[str, Any]) -> Act:
    """Offer text only, as a small model on a simple server does."""
    if isinstance(body["messages"][-1]["content"], list):
        return Act(status=400, error={"message": "content must be a string"})
    return Act(content="Red. Hello!", usage=None)


def found(url: str, path: Path, model: str = MODEL) -> dict[str, tuple[bool, str]]:
    with AnswerFile(path) as answers:
        return {
            one.name: (one.is_there, one.found)
            for one in offers(Endpoint(url, model, retries=1), answers)
        }


def test_a_server_that_offers_everything(tmp_path: Path) -> None:
    with serving(seeing) as server:
        told = found(server.url, tmp_path / "a.jsonl")
    assert all(is_there for is_there, _ in told.values())
    assert list(told) == ["models", "structured output", "vision", "speed"]
    assert told["models"][1] == MODEL
    assert "JSON schema" in told["structured output"][1]
    assert "tokens/s (50 in" in told["speed"][1]
    rate = float(told["speed"][1].partition(" ")[0].replace(",", ""))
    assert 1 < rate <= 1000  # 50 tokens in 50 ms or more


def test_a_server_that_offers_text_only(tmp_path: Path) -> None:
    with serving(blind) as server:
        told = found(server.url, tmp_path / "a.jsonl")
        other = found(server.url, tmp_path / "a.jsonl", model="another")
    assert [name for name, (is_there, _) in told.items() if is_there] == ["models", "speed"]
    assert told["speed"][1].startswith("11 characters in")
    # it lists one model, and answers with it whatever is asked for
    assert not other["models"][0]
    assert other["models"][1] == f"{MODEL}; another is not among them"
    assert other["speed"] == (False, f"the model {MODEL} answered, and another was asked")
    assert "content must be a string" in told["vision"][1]


def test_plain_pictures_are_pictures_to_others() -> None:
    image = pytest.importorskip("PIL.Image")
    import io

    with image.open(io.BytesIO(plain_png((1, 2, 3), 8))) as opened:
        opened.load()
        assert (opened.size, opened.getpixel((7, 7))) == ((8, 8), (1, 2, 3))


def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *options: str) -> tuple[int, Any]:
    """Run `doctor` with the checks of the endpoint only."""
    for name in ("_package", "_gpu", "_rules", "_capture_backend", "_weights", "_space"):
        monkeypatch.setattr(environment, name, lambda *_: environment.Check("x", "ok", ""))
    command = ["doctor", "--json", "--work", str(tmp_path / "work"), *options]
    result = CliRunner().invoke(app, command)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, json.loads(result.stdout)


def test_doctor_tries_an_endpoint_only_where_one_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, checks = doctor(monkeypatch, tmp_path)
    assert code == 0
    assert not [one for one in checks if "model" in one["name"]]


def test_doctor_tells_what_the_endpoint_offers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-hidden-1234")
    with serving(blind) as server:
        code, checks = doctor(monkeypatch, tmp_path, "--endpoint", server.url.removesuffix("/v1"))
        assert server.seen.headers[0]["authorization"] == "bearer sk-hidden-1234"
    assert code == 0
    states = {one["name"]: one["state"] for one in checks if "model" in one["name"]}
    assert states == {
        "language model": "ok",
        "model models": "ok",
        "model structured output": "warn",
        "model vision": "warn",
        "model speed": "ok",
    }
    assert "sk-hidden-1234" not in json.dumps(checks)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "connection failed"),
        ("ftp://x", "no http or https URL"),
        ("http://user:sk-secret@x", "has a user"),
    ],
)
def test_doctor_fails_where_there_is_no_server(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, checks = doctor(monkeypatch, tmp_path, "--endpoint", url, "--model", "m")
    last = checks[-1]
    assert (code, last["name"], last["state"]) == (1, "language model", "fail")
    assert said in last["detail"]
    assert "sk-secret" not in json.dumps(checks)
