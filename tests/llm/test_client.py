"""The client against a server that misbehaves: every request gets an account of itself."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import EnvironmentProblem, UsageError
from qevd_bio.llm import cache, conversation, waiting
from qevd_bio.llm.asking import Asked
from qevd_bio.llm.budget import Budget
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.chat import Answer, ChatRequest, Message, Picture
from qevd_bio.llm.client import Client
from qevd_bio.llm.endpoint import Endpoint
from tests.llm.asking_fixtures import SCORE, TEAL, asked, asking, question, questions
from tests.llm.scripted_server import MODEL, Act, completion, serving


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)
    monkeypatch.setattr(waiting, "LONGEST_S", 0.05)


def fine(text: str, before: int, body: dict[str, Any]) -> Act:
    return Act(content=f"answer to {text}")


def scored(content: str, **more: Any) -> Any:
    """Offer JSON schemas; answer every other question with this."""
    return lambda text, before, body: (
        TEAL if text.startswith("Say hello") else Act(content=content, **more)
    )


ONCE = {
    "429 without a time": Act(status=429),
    "429 in seconds": Act(status=429, headers={"Retry-After": "0.05"}),
    "429 at a date": Act(status=429, headers={"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    "429 with nonsense": Act(status=429, headers={"Retry-After": "soon"}),
    "500": Act(status=500),
    "502 with a page": Act(status=502, body=b"<html>Bad gateway</html>"),
    "503 that asks to wait": Act(status=503, headers={"Retry-After": "0.05"}),
    "cut in the head": Act(cut_after=12),
    "cut in the body": Act(cut_after=120),
    "cut before a byte": Act(cut_after=0),
    "half a body": Act(body=b'{"choices": [{"mess'),
    "no body": Act(body=b""),
    "page instead of JSON": Act(body=b"<html>Welcome</html>"),
    "bytes": Act(body=b"\xff\xfe\x00"),
    "no choices": Act(body=b'{"choices": []}'),
    "a list": Act(body=b"[1, 2]"),
    "error with status 200": Act(body=b'{"error": {"message": "overloaded"}}'),
    "deep": Act(body=b"[" * 100_000),
    "error beside an answer": Act(body=completion(Act())[:-1] + b', "error": {"code": 502}}'),
    "answer that is no text": Act(body=completion(Act()).replace(b'"fine"', b'{"score": 3}')),
    "stream of events": Act(body=b'data: {"choices": [{"delta": {"content": "fi"}}]}\n\n'),
    "429 in the past": Act(status=429, headers={"Retry-After": "-5"}),
    "429 in a year of many digits": Act(
        status=429, headers={"Retry-After": f"Sun, 29 Nov {'9' * 20} 12:00:00 GMT"}
    ),
}


@pytest.mark.parametrize("act", ONCE.values(), ids=ONCE)
def test_a_passing_fault_is_asked_over_and_answered(act: Act, tmp_path: Path) -> None:
    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        return act if before == 0 and text == "q1" else fine(text, before, body)

    with serving(script) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", questions(3), concurrency=2)
    assert [one.text for one in answers] == [f"answer to q{i}" for i in range(3)]
    assert {one.outcome for one in answers} == {"answered"}
    assert server.seen.times() == {"q0": 1, "q1": 2, "q2": 1}


ALWAYS: dict[str, tuple[Act, str, str, int]] = {
    "500": (Act(status=500), "failed", "HTTP 500", 2),
    "cut": (Act(cut_after=30), "failed", "connection failed", 2),
    "half a body": (Act(body=b'{"cho'), "failed", "no JSON", 2),
    "400": (Act(status=400, error={"message": "too long"}), "failed", "too long", 1),
    "422": (Act(status=422, body=b'{"detail": "odd"}'), "failed", "odd", 1),
    "endless page of a fault": (Act(status=502, drip=b"x" * 9999), "failed", "HTTP 502: xxx", 2),
    "slow": (Act(delay_s=5), "failed", "within 0.8 s", 2),
    "endless spaces in the body": (Act(drip=b" " * 10), "failed", "within 0.8 s", 2),
    "huge body": (Act(body=b'{"a": "' + b"x" * (5 << 20)), "invalid", "more than 4,194,304", 1),
    "endless body": (Act(drip=b" " * (1 << 20)), "invalid", "more than 4,194,304 bytes", 1),
    "huge answer": (Act(content="x" * 100_000), "invalid", "65,536 characters", 1),
    "half JSON": (Act(content='{"score": '), "invalid", "malformed JSON", 1),
    "truncated": (Act(content='{"score": 3}', finish_reason="length"), "truncated", "limit", 1),
    "endless spaces in the answer": (
        Act(content='{"score": 3}' + "\n" * 5000, finish_reason="length"),
        "truncated",
        "limit",
        1,
    ),
    "spaces only": (Act(content=" \n" * 3000), "invalid", "empty", 1),
    "no text": (Act(content=None), "invalid", "empty", 1),
    "refusal": (Act(content=None, refusal="I can't."), "refused", "I can't", 1),
    "withheld": (Act(content="x", finish_reason="content_filter"), "refused", "withheld", 1),
    "tool": (Act(content='{"score": 3}', finish_reason="tool_calls"), "invalid", "tool", 1),
    "withheld by another word": (
        Act(content='{"score": 3}', finish_reason="SAFETY"),
        "refused",
        "withheld",
        1,
    ),
    "truncated by another word": (
        Act(content='{"score": 3}', finish_reason="MAX_TOKENS"),
        "truncated",
        "limit",
        1,
    ),
    "ended by an error": (
        Act(content='{"score": 3}', finish_reason="error"),
        "invalid",
        "ended by 'error'",
        1,
    ),
    "fraction": (Act(content='{"score": 3.5}'), "invalid", "key score", 1),
    "score of five": (Act(content='{"score": "3/5"}'), "invalid", "key score", 1),
    "the schema said back": (Act(content=json.dumps(SCORE)), "invalid", "Additional", 1),
    "another language": (Act(content='{"Punktzahl": 3}'), "invalid", "Punktzahl", 1),
    "out of range": (Act(content='{"score": 0}'), "invalid", "key score: 0 is less than", 1),
    "text for a number": (Act(content='{"score": "3"}'), "invalid", "key score", 1),
    "truth for a number": (Act(content='{"score": true}'), "invalid", "key score", 1),
    "NaN": (Act(content='{"score": NaN}'), "invalid", "NaN", 1),
    "key twice": (Act(content='{"score": 1, "score": 5}'), "invalid", "twice", 1),
    "two objects": (Act(content='{"score": 1} {"score": 5}'), "invalid", "more than one", 1),
    "prose only": (Act(content="I would say 3."), "invalid", "no JSON object", 1),
    "list": (Act(content='["score", 3]'), "invalid", "no JSON object", 1),
    "wrong model": (Act(content='{"score": 3}', model="other-7b"), "invalid", "other-7b", 1),
}


@pytest.mark.parametrize(("act", "outcome", "reason", "calls"), ALWAYS.values(), ids=ALWAYS)
def test_a_lasting_fault_is_unscored_with_its_text_and_asked_again_only_by_the_next_run(
    act: Act, outcome: str, reason: str, calls: int, tmp_path: Path
) -> None:
    answers_file = tmp_path / "a.jsonl"
    good = Act(content='{"score": 4}')

    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        if text.startswith("Say hello"):
            return TEAL
        return act if text == "q1" else good

    settings: dict[str, Any] = {"retries": 1, "concurrency": 3}
    settings["timeout_s"] = 0.8 if "within" in reason else 60
    with serving(script) as server:
        answers = asked(server.url, answers_file, questions(3, SCORE), **settings)
        assert [one.outcome for one in answers] == ["answered", outcome, "answered"]
        assert [one.value for one in answers] == [{"score": 4}, None, {"score": 4}]
        assert reason in answers[1].reason
        if outcome != "failed" and act.body is None and not act.drip:
            assert answers[1].text == (act.content or act.refusal or "")[:65_536]
        assert server.seen.times()["q1"] == calls
        act = good
        again = asked(server.url, answers_file, questions(3, SCORE), **settings)
        assert [one.cached for one in again] == [True, False, True]
        assert {one.outcome for one in again} == {"answered"}
        assert server.seen.times()["q0"] == server.seen.times()["q2"] == 1


def test_prose_around_one_object_is_left_out(tmp_path: Path) -> None:
    with serving(scored('Sure!\n```json\n{"score": 2}\n```\nAnything else?')) as server:
        (answer,) = asked(server.url, tmp_path / "a.jsonl", [question("q", SCORE)])
    assert (answer.outcome, answer.value) == ("answered", {"score": 2})


def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        return Act(content=text, delay_s=0.2 if text == "q0" else 0.002 * (20 - int(text[1:])))

    with serving(script) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", questions(20), concurrency=10)
    assert [one.text for one in answers] == [f"q{i}" for i in range(20)]
    assert server.seen.answered != server.seen.asked
    assert server.seen.most_at_once == 10


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_no_call_begins_before_the_time_that_the_server_names(form: str, tmp_path: Path) -> None:
    times: list[float] = []

    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        times.append(time.monotonic())
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        wait = "1" if form == "seconds" else later
        return Act(status=429, headers={"Retry-After": wait}) if len(times) == 1 else Act()

    with serving(script) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", questions(4), concurrency=1)
    assert {one.outcome for one in answers} == {"answered"}
    assert times[1] - times[0] >= 0.95


def test_a_server_that_limits_the_rate_answers_everything_in_the_end(tmp_path: Path) -> None:
    begun: list[float] = []

    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        now = time.monotonic()
        if sum(now - one < 0.1 for one in begun) >= 4:
            return Act(status=429)
        begun.append(now)
        return Act()

    with serving(script) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", questions(40), concurrency=20, retries=3)
    assert {one.outcome for one in answers} == {"answered"}


def test_a_server_that_always_turns_away_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PATIENCE_S", 0.0)
    with serving(lambda text, before, body: Act(status=429)) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", questions(3), retries=2)
        assert [one.outcome for one in answers] == ["failed"] * 3
        assert len(server.seen.asked) == 9


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Act(status=401, error={"message": "no such key"}), "no such key"),
        (Act(status=403), "HTTP 403"),
        (Act(status=404, error={"message": "model not found"}), "model not found"),
        (Act(status=429, error={"message": "pay", "code": "insufficient_quota"}), "pay"),
        (Act(status=429, headers={"Retry-After": "7200"}), "come back in 7,200 s"),
        (Act(status=302, headers={"Location": "http://127.0.0.1:9/v1"}), "HTTP 302"),
    ],
)
def test_what_fails_for_every_request_ends_the_asking(act: Act, said: str, tmp_path: Path) -> None:
    with serving(lambda text, before, body: act) as server:
        with pytest.raises(EnvironmentProblem, match=said) as raised:
            asked(server.url, tmp_path / "a.jsonl", questions(50), concurrency=4)
        assert len(server.seen.asked) <= 4
    assert "doctor" in raised.value.next_step


def test_a_server_that_is_gone_ends_the_asking_soon(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="8 requests in a row"):
        asked("http://127.0.0.1:9", tmp_path / "a.jsonl", questions(500), retries=1)
    with AnswerFile(tmp_path / "a.jsonl") as answers:
        assert answers.spent.calls <= 2 * 16


def test_equal_questions_are_asked_once_and_repeats_each_by_themselves(tmp_path: Path) -> None:
    one = question("q")
    requests = [one, ChatRequest("other key", "test", 1, one.messages), one]
    requests += [ChatRequest("r", "test", 1, one.messages, repeat=1)]
    with serving(fine) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", requests)
    assert [answer.request for answer in answers] == requests
    assert [answer.cached for answer in answers] == [False, True, True, False]
    assert server.seen.times() == {"q": 2}


def test_every_part_of_a_question_is_part_of_its_identity(tmp_path: Path) -> None:
    base = question("q", temperature=0.0, seed=1)
    picture = Picture("image/png", b"one")
    others = [
        question("q", temperature=0.5, seed=1),
        question("q", temperature=0.0, seed=2),
        question("q", temperature=0.0, seed=1, max_tokens=7),
        question("q", temperature=0.0, seed=1, top_p=0.9),
        question("q", {"type": "object"}, temperature=0.0, seed=1),
        ChatRequest("q", "test", 2, base.messages, base.sampling),
        ChatRequest("q", "other", 1, base.messages, base.sampling),
        ChatRequest("q", "test", 1, (Message("system", "s"), *base.messages), base.sampling),
        ChatRequest("q", "test", 1, (Message("user", "q", (picture,)),), base.sampling),
        ChatRequest(
            "q", "test", 1, (Message("user", "q", (Picture("image/png", b"two"),)),), base.sampling
        ),
    ]
    with serving(scored("{}")) as server:
        path = tmp_path / "a.jsonl"
        answers = asked(server.url, path, [base, *others])
        assert not any(one.cached for one in answers)
        for change in ({"model": f"{MODEL}:b"}, {"revision": "2"}):
            settings = {"reported_model": MODEL, **change}
            (answer,) = asked(server.url, path, [base], **settings)
            assert not answer.cached
        assert all(one.cached for one in asked(server.url, path, [*others, base]))
    shown = [body["messages"][-1]["content"] for body in server.seen.bodies]
    url = "data:image/png;base64,b25l"
    assert [
        {"type": "text", "text": "q"},
        {"type": "image_url", "image_url": {"url": url}},
    ] in shown
    assert b"b25l" not in path.read_bytes()


def test_parameters_that_are_not_given_are_not_sent(tmp_path: Path) -> None:
    with serving(fine) as server:
        asked(server.url, tmp_path / "a.jsonl", [question("q")])
        asked(server.url, tmp_path / "a.jsonl", [question("r", temperature=0.0, seed=3)])
    plain, drawn = server.seen.bodies
    assert set(plain) == {"model", "messages", "max_tokens"}
    assert (drawn["temperature"], drawn["seed"]) == (0.0, 3)


def test_a_server_that_wants_the_new_name_of_the_limit_gets_it(tmp_path: Path) -> None:
    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        if "max_tokens" in body:
            return Act(status=400, error={"message": "Use 'max_completion_tokens' instead."})
        return Act()

    with serving(script) as server:
        answers = asked(server.url, tmp_path / "a.jsonl", questions(3), concurrency=1, retries=1)
    assert {one.outcome for one in answers} == {"answered"}
    assert len(server.seen.asked) == 4


@pytest.mark.parametrize("usage", [b"[1, 2]", b'"12"', b"5", b"null"])
def test_an_answer_is_not_lost_by_an_odd_count_of_tokens(usage: bytes, tmp_path: Path) -> None:
    body = completion(Act(usage=None))[:-1] + b', "usage": ' + usage + b"}"
    with serving(lambda text, before, _: Act(body=body)) as server:
        (answer,) = asked(server.url, tmp_path / "a.jsonl", [question("q")])
    assert (answer.outcome, answer.prompt_tokens) == ("answered", None)
    assert len(server.seen.asked) == 1


def test_where_answers_cannot_be_kept_no_further_call_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, kept = os.write, 0

    def full(file: int, data: Any) -> int:
        nonlocal kept
        is_answer = bytes(data).startswith(b'{"asked"')
        kept += is_answer
        if is_answer and kept > 5:  # the short lines before a call still fit
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(cache.os, "write", full)
    path = tmp_path / "a.jsonl"
    with serving(lambda text, before, body: Act(delay_s=0.02)) as server:
        with pytest.raises(EnvironmentProblem, match="No space left"):
            asked(server.url, path, questions(100), concurrency=4)
        monkeypatch.undo()
        # five were kept, and no more than four were in flight
        assert len(server.seen.asked) <= 5 + 4
        answers = asked(server.url, path, questions(100))
    assert sum(one.cached for one in answers) == 5


@pytest.mark.parametrize(
    "given", [{"timeout_s": math.inf}, {"timeout_s": math.nan}, {"concurrency": 0}]
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Give a number from"):
        Endpoint("http://x", "m", **given)


def test_progress_tells_what_was_done_and_what_is_left(tmp_path: Path) -> None:
    told: list[Asked] = []
    path = tmp_path / "a.jsonl"
    budget = Budget(prompt_price=100.0, completion_price=200.0)
    with serving(scored('{"score": 9}')) as server:
        asked(server.url, path, questions(2))
        with AnswerFile(path) as answers:
            client = Client(Endpoint(server.url, MODEL), answers, budget, told.append)
            with client:
                list(client.ask([*questions(4), question("s", SCORE)]))
    last = told[-1]
    assert (last.total, last.done, last.cached, last.unscored) == (5, 5, 2, 1)
    assert (last.calls, last.tokens) == (4, 60)  # three questions, and one about schemas
    assert last.cost == pytest.approx(4 * (10 * 100 + 5 * 200) / 1e6)
    assert last.left_s == 0


def test_a_consumer_that_stops_cuts_what_is_in_flight(tmp_path: Path) -> None:
    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        return Act(delay_s=0.0 if text == "q0" else 30.0)

    begin = time.monotonic()
    with serving(script) as server, asking(server.url, tmp_path / "a.jsonl") as client:
        for answer in client.ask(questions(10)):
            assert answer.outcome == "answered"
            break
    assert time.monotonic() - begin < 10


def test_requests_are_read_only_a_little_ahead(tmp_path: Path) -> None:
    made = 0

    def lazy() -> Any:
        nonlocal made
        for one in questions(500):
            made += 1
            yield one

    with serving(fine) as server, asking(server.url, tmp_path / "a.jsonl", concurrency=2) as c:
        answers = c.ask(lazy())
        for _ in range(10):
            next(answers)
        assert made <= 10 + 2 * 8
        answers.close()  # type: ignore[attr-defined]


def test_half_a_character_of_an_answer_is_kept_as_its_escape(tmp_path: Path) -> None:
    with serving(lambda text, before, body: Act(content="fine \ud83d")) as server:
        (answer,) = asked(server.url, tmp_path / "a.jsonl", [question("q")])
    assert (answer.outcome, answer.text) == ("answered", "fine \\ud83d")


def test_half_a_character_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with serving(fine) as server:
        with pytest.raises(UsageError, match="half a character at 1"):
            asked(server.url, tmp_path / "a.jsonl", [question("a\ud83d")])
        assert server.seen.asked == []


def test_an_answer_carries_what_the_server_reported(tmp_path: Path) -> None:
    with serving(lambda text, before, body: Act(model=f"{MODEL}-2026-11-01")) as server:
        (answer,) = asked(server.url, tmp_path / "a.jsonl", [question("q")])
        (kept,) = asked(server.url, tmp_path / "a.jsonl", [question("q")])
    assert isinstance(answer, Answer)
    assert (answer.model, answer.prompt_tokens) == (f"{MODEL}-2026-11-01", 10)
    assert kept == Answer(**{**vars(answer), "cached": True})
