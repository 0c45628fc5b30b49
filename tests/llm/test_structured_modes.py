"""What a server offers is found out once, remembered, and told to the model where it must be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import EnvironmentProblem
from qevd_bio.llm import waiting
from qevd_bio.llm.chat import ChatRequest, Message
from tests.llm.asking_fixtures import SCORE, asked, asking, question, questions
from tests.llm.scripted_server import Act, serving

SCHEMA_WORDS = "Answer with one JSON object and nothing else. It must fit this JSON schema"


def kind_of(body: dict[str, Any]) -> str:
    return str(body.get("response_format", {}).get("type", "text"))


def offering(offered: str, ignored: str) -> Any:
    """Answer as a server that keeps to one mode, and refuses or ignores the others."""

    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        kind = kind_of(body)
        if kind not in ("text", offered) and ignored == "refused":
            return Act(status=400, error={"message": f"no {kind} here"})
        if kind == "json_schema" == offered:
            schema = body["response_format"]["json_schema"]["schema"]
            word = schema["properties"].get("word", {}).get("enum", [None])[0]
            return Act(content='{"word": "teal"}' if word else '{"score": 3}')
        if kind == "json_object" == offered:
            return Act(content='{"score": 3}')
        if SCHEMA_WORDS in body["messages"][-1]["content"]:
            return Act(content='I would say {"score": 3}.')
        return Act(content="Hello, nice to meet you.")

    return script


@pytest.mark.parametrize("ignored", ["refused", "ignored"])
@pytest.mark.parametrize("offered", ["json_schema", "json_object", "text"])
def test_the_strictest_mode_that_works_is_used_and_remembered(
    offered: str, ignored: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    probes = {"json_schema": 1, "json_object": 2, "text": 2}[offered]
    with serving(offering(offered, ignored)) as server:
        answers = asked(server.url, path, questions(4, SCORE))
        assert [one.value for one in answers] == [{"score": 3}] * 4
        assert len(server.seen.asked) == probes + 4
        assert {kind_of(body) for body in server.seen.bodies[probes:]} == {offered}
        asked(server.url, path, [question("another", SCORE)])
        assert len(server.seen.asked) == probes + 5
        # a model that the server loads instead may be served otherwise
        asked(server.url, path, [question("another", SCORE)], revision="2")
        assert len(server.seen.asked) == 2 * probes + 6
        last = server.seen.bodies[-1]
    is_told = SCHEMA_WORDS in last["messages"][-1]["content"]
    assert is_told == (offered != "json_schema")
    if offered == "json_schema":
        form = last["response_format"]["json_schema"]
        assert (form["schema"], form["strict"]) == (SCORE, True)


def test_free_text_needs_no_probe_and_is_not_changed(tmp_path: Path) -> None:
    with serving(offering("json_schema", "ignored")) as server:
        asked(server.url, tmp_path / "a.jsonl", [question("q")])
    (body,) = server.seen.bodies
    assert body["messages"] == [{"role": "user", "content": "q"}]
    assert "response_format" not in body


def test_the_schema_follows_the_last_text_of_the_user(tmp_path: Path) -> None:
    messages = (Message("user", "one"), Message("assistant", "x"), Message("user", "two"))
    request = ChatRequest("k", "test", 1, (*messages, Message("assistant", "So:")), schema=SCORE)
    with serving(offering("text", "ignored")) as server:
        asked(server.url, tmp_path / "a.jsonl", [request])
    texts = [one["content"] for one in server.seen.bodies[-1]["messages"]]
    assert [SCHEMA_WORDS in text for text in texts] == [False, False, True, False]


def test_a_server_that_cannot_be_asked_is_not_taken_for_one_without_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)
    path, is_up = tmp_path / "a.jsonl", False
    up = offering("json_schema", "ignored")
    with serving(lambda *call: up(*call) if is_up else Act(status=500)) as server:
        with pytest.raises(EnvironmentProblem, match="HTTP 500"):
            asked(server.url, path, questions(3, SCORE), retries=1)
        is_up = True
        with asking(server.url, path) as client:
            assert client.structured_mode() == "json_schema"


@pytest.mark.parametrize("fault", ["another model", "cut"])
def test_what_an_answer_does_not_show_is_asked_again_by_the_next_run(
    fault: str, tmp_path: Path
) -> None:
    path, up, is_odd = tmp_path / "a.jsonl", offering("json_schema", "ignored"), True

    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        act = up(text, before, body)
        odd = {"model": "deployed"} if fault == "another model" else {"finish_reason": "length"}
        return replace(act, **odd) if is_odd else act

    with serving(script) as server:
        answers = asked(server.url, path, questions(3, SCORE), concurrency=1)
        assert {one.outcome for one in answers} <= {"invalid", "truncated"}
        assert len(server.seen.asked) == 2 + 3, "found out once a run"
        is_odd = False
        with asking(server.url, path) as client:
            assert client.structured_mode() == "json_schema"
