"""The key reaches the server and nothing else: no text, file, log, error or chain of errors."""

from __future__ import annotations

import copy
import html
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from qevd_bio.errors import EnvironmentProblem, QevdBioError, UsageError
from qevd_bio.llm import waiting
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.client import Client
from qevd_bio.llm.endpoint import KEY_VARIABLE, Endpoint, Key, base_url, found_key
from tests.llm.asking_fixtures import SCORE, question
from tests.llm.scripted_server import MODEL, Act, serving

KEY = "sk-Proj_abc/123+XYZ=secret"


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)


def chain_of(error: BaseException) -> list[BaseException]:
    """Walk all errors that an error came of, hidden ones too."""
    found: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and one not in found:
            found.append(one)
            left += [one.__cause__, one.__context__]
    return found


def unescaped(text: str) -> str:
    """Undo what JSON, URLs and HTML escape."""
    points = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return html.unescape(unquote(points))


ESCAPED = {
    "slash": KEY.replace("/", "\\/"),
    "slash twice": KEY.replace("/", "\\\\\\/"),
    "code points": "".join(f"\\u{ord(one):04X}" for one in KEY),
    "URL": quote(KEY, safe=""),
    "HTML": KEY.replace("/", "&#x2F;").replace("+", "&plus;").replace("=", "&#61;"),
}
ECHOES = {
    **{
        f"no completion, {how}": Act(body=f'{{"key": "{one}"}}'.encode())
        for how, one in ESCAPED.items()
    },
    **{
        f"page of a fault, {how}": Act(status=502, body=f"<p>{one}</p>".encode())
        for how, one in ESCAPED.items()
    },
    "error": Act(status=401, error={"message": f"Incorrect API key provided: {KEY}"}),
    "body of no JSON": Act(body=f"<html>{KEY}</html>".encode()),
    "no completion": Act(body=json.dumps({"key": KEY}).encode()),
    "body cut within the key": Act(body=b'{"a": "' + b"x" * 180 + KEY.encode() + b'"}'),
    "name given twice": Act(body=json.dumps({"y" * 70 + KEY: 1}).replace("}", ", ").encode()),
    "server's fault": Act(status=500, error={"message": f"Bearer {KEY}"}),
    "detail": Act(status=422, body=json.dumps({"detail": f"got {KEY}"}).encode()),
    "answer": Act(content=f"Your key is {KEY}"),
    "refusal": Act(content=None, refusal=f"Not with {KEY}"),
    "model": Act(model=KEY),
    "name of the way it ended": Act(finish_reason=KEY),
    "huge body": Act(body=(KEY + " ").encode() * 300_000),
    "cut": Act(cut_after=30),
    "slow": Act(delay_s=3.0),
}


@pytest.mark.parametrize("act", ECHOES.values(), ids=ECHOES)
def test_a_key_that_the_server_says_back_is_nowhere(
    act: Act,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    path, told = tmp_path / "a.jsonl", []
    endpoint = Endpoint("http://x", MODEL, key=Key(KEY, where="test"), retries=1, timeout_s=0.8)
    chain: list[BaseException] = []
    with serving(lambda text, before, body: act) as server:
        endpoint = replace(endpoint, base_url=server.url)
        with AnswerFile(path) as answers, Client(endpoint, answers) as client:
            for request in (question("q"), question("s", SCORE)):
                try:
                    told.extend(client.ask([request]))
                except QevdBioError as error:
                    chain += chain_of(error)
        assert server.seen.headers[0]["authorization"] == f"bearer {KEY.lower()}"
    shown = [path.read_text(encoding="ascii"), repr(told), caplog.text, *capfd.readouterr()]
    for error in chain:
        shown += [
            repr(error),
            str(error),
            repr(vars(error)),
            "".join(traceback.format_exception(error)),
        ]
        assert not type(error).__module__.startswith(("openai", "httpx", "httpcore", "h11"))
    shown += [
        repr(client),
        repr(vars(client)),
        repr(endpoint),
        str(asdict(replace(endpoint, key=None))),
    ]
    spelled = [re.sub("[^a-z0-9]", "", unescaped(text).casefold()) for text in shown]
    assert not [text for text in spelled if "skproj" in text or "secret" in text]
    assert told or chain


def test_a_key_is_looked_for_in_a_moment() -> None:
    key = Key(KEY, where="test")
    for text in ("\\" * 200_000, "&#0" * 70_000, "\\u0073" * 30_000, KEY[:-1] * 8_000 + "\\"):
        begin = time.process_time()
        assert key.hidden_in(text) == text
        assert time.process_time() - begin < 1.0


def test_a_key_is_not_shown_copied_or_written() -> None:
    key = Key(KEY, where="test")
    endpoint = Endpoint("http://x", "m", key=key)
    assert KEY not in repr(key) + str(key) + f"{key}" + repr(endpoint) + repr([endpoint])
    for refused in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied"):
            refused(key)
    with pytest.raises(TypeError):
        json.dumps(key)


def test_the_key_comes_from_its_file_first(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    environment = {KEY_VARIABLE: "sk-other-1234"}
    for key_file, expected in ((file, KEY), (None, "sk-other-1234")):
        key = found_key(key_file, environment)
        assert key is not None and key.reveal() == expected
    assert found_key(None, {"OPENAI_API_KEY": KEY}) is None


@pytest.mark.parametrize(
    "text", ["", "none", "two\nlines-1234", "sp ace-1234", 'quo"te-1234', "ü-12345"]
)
def test_what_is_no_key_is_refused_without_showing_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="holds no key") as raised:
        found_key(file, {})
    assert len(text) < 5 or text not in str(raised.value)


@pytest.mark.parametrize(
    "url", [f"http://user:{KEY}@x/v1", f"https://x/v1?api_key={KEY}", f"https://x/v1#{KEY}"]
)
def test_a_key_in_the_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError, match=r"has a user|is no http") as raised:
        Endpoint(url, "m")
    assert not [one for one in chain_of(raised.value) if "sk-Proj" in repr(one)]


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        (" https://x.org/openai/v1/ ", "https://x.org/openai/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_a_url_is_completed(url: str, whole: str) -> None:
    assert base_url(url) == whole == base_url(whole)


@pytest.mark.parametrize(
    "url", ["", "x", "localhost:8000", "file:///etc", "http://", "http://a b", "http://x:y"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        base_url(url)


def test_nothing_for_openai_in_the_environment_is_sent_elsewhere(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, '.')\n"
        "from tests.llm.asking_fixtures import asked, question\n"
        "print(asked(sys.argv[1], Path(sys.argv[2]), [question('q')])[0].outcome)"
    )
    names = ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID")
    environment: dict[str, Any] = {f"OPENAI_{name}": f"sk-mine-{name.lower()}" for name in names}
    environment |= {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_LOG": "debug"}
    with serving(lambda text, before, body: Act()) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, server.url, str(tmp_path / "a.jsonl")],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        sent = json.dumps(server.seen.headers)
    assert done.stdout.strip() == "answered", done.stderr
    assert "sk-mine" not in sent + done.stderr


def test_an_error_of_the_list_of_models_hides_the_key_too(tmp_path: Path) -> None:
    endpoint = Endpoint("http://127.0.0.1:9", "m", key=Key(KEY, where="test"))
    with (
        AnswerFile(tmp_path / "a.jsonl") as answers,
        Client(endpoint, answers) as client,
        pytest.raises(EnvironmentProblem, match="connection failed") as raised,
    ):
        client.models()
    for error in chain_of(raised.value):
        assert KEY not in repr(error) + repr(vars(error))
        assert not type(error).__module__.startswith(("openai", "httpx"))
