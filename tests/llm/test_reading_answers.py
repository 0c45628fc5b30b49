"""Exactly one JSON object is an answer; waits and names of models are read as written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.llm.endpoint import Endpoint
from qevd_bio.llm.structured import only_object
from qevd_bio.llm.waiting import LONGEST_S, backoff_s, retry_after_s

ONE = {
    "bare": '{"score": 3}',
    "spaces": ' \n{"score": 3}\n\n',
    "fence": '```json\n{"score": 3}\n```',
    "prose": 'My score: {"score": 3}. Hope that helps [1]!',
    "thoughts": '<think>Perhaps {"score": 1}? No {</think>\n{"score": 3}',
    "empty thoughts": '<think>\n\n</think>\n\n{"score": 3}',
}
NONE = {
    "nothing": "",
    "prose": "three",
    "number": "3",
    "list": "[3]",
    "two": '{"score": 3}{"score": 3}',
    "two in prose": 'Between {"score": 3} and {"score": 4}',
    "brace before": 'As {x} said: {"score": 3}',
    "closing brace before": 'As x} said: {"score": 3}',
    "brace after": '{"score": 3} as {x} said',
    "closing brace after": '{"score": 3}}',
    "half": '{"score": 3',
    "half a string": '{"score": "3}',
    "Python": "{'score': 3}",
    "comment": '{"score": 3 /* good */}',
    "comma": '{"score": 3,}',
    "NaN": '{"score": NaN}',
    "infinite": '{"score": 1e999}',
    "many digits": '{"score": ' + "9" * 5000 + "}",
    "key twice": '{"score": 1, "score": 3}',
    "deep": '{"a":' * 50_000,
    "call": '{"score": __import__("os").getpid()}',
    "only thoughts": '<think>{"score": 3}</think>',
    "thoughts without end": '<think>{"score": 1}\n{"score": 3}',
}


@pytest.mark.parametrize("text", ONE.values(), ids=ONE)
def test_one_object_is_found(text: str) -> None:
    assert only_object(text) == {"score": 3}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_anything_else_is_no_answer(text: str) -> None:
    with pytest.raises(DataError):
        only_object(text)


@given(st.text('{}[]":\\ a1,\n', max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        value = only_object(text)
    except DataError:
        return
    assert isinstance(value, dict)


@pytest.mark.parametrize("text", ['{"' + '\\"' * 32_000, "{" * 65_000, '{"a": "' + "\\" * 65_000])
def test_long_texts_take_no_long_time(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(DataError):
        only_object(text)
    assert time.process_time() - begin < 0.5


NOW = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (" 0.25 ", 0.25),
        ("0", 0.0),
        ("-3", 0.0),
        ("Sun, 29 Nov 2026 12:01:30 GMT", 90.0),
        ("Sun, 29 Nov 2026 13:00:30 +0100", 30.0),
        ("Sunday, 29-Nov-26 12:00:10 GMT", 10.0),
        ("Sun, 29 Nov 2026 12:00:10 -0000", 10.0),
        ("Sun, 29 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Sun, 99 Nov 2026", None),
        ("Sun, 29 Nov 99999999999999999999 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 +9999", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": text}, NOW) == seconds


def test_a_date_is_read_by_the_clock_of_the_server() -> None:
    said = {"retry-after": "Sun, 29 Nov 2026 12:01:30 GMT"}
    for here in (-3, 0, 5):  # hours that the server is wrong
        date = format_datetime(NOW + timedelta(hours=here), usegmt=True)
        later = format_datetime(NOW + timedelta(hours=here, seconds=90), usegmt=True)
        assert retry_after_s({"retry-after": later, "date": date}) == 90.0
    assert retry_after_s(said | {"date": "noon"}, NOW) == 90.0


def test_waits_grow_to_a_limit_and_differ() -> None:
    for attempt, longest in ((0, 0.5), (1, 1.0), (4, 8.0), (6, LONGEST_S), (10_000, LONGEST_S)):
        waits = [backoff_s(attempt) for _ in range(50)]
        assert all(longest / 2 <= one <= longest for one in waits)
        assert len(set(waits)) > 40
    assert all(7.0 <= backoff_s(0, 7.0) <= 7.8 for _ in range(50))


@pytest.mark.parametrize("asked_s", [0.0, 0.001])
def test_a_server_that_asks_for_no_wait_is_not_asked_without_end(asked_s: float) -> None:
    assert sum(backoff_s(attempt, asked_s) for attempt in range(10)) > 60


@pytest.mark.parametrize(
    ("asked", "reported", "is_same"),
    [
        ("m", "", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("qwen3", "qwen3:latest", True),
        ("Qwen/Qwen3-VL-8B", "qwen3-vl-8b", True),
        ("owner/m", "owner/m@main", True),
        ("/models/m.gguf", "m.gguf", True),
        ("gpt-4o", "gpt-4", False),
        ("gpt-4", "gpt-4o", False),
        ("gpt-4", "gpt-4-turbo-2024-04-09", False),
        ("qwen3", "qwen3:0.6b", False),
        ("llama-70b", "llama-8b", False),
        ("mistral-large", "mistral-large-2411", True),
        ("claude-3", "claude-3-5-20240620", False),
        ("phi-3", "phi-3-8", False),
    ],
)
def test_the_reported_model_is_the_asked_one(asked: str, reported: str, is_same: bool) -> None:
    assert Endpoint("http://x", asked).is_same_model(reported) is is_same


def test_a_stated_name_is_the_only_one_accepted() -> None:
    endpoint = Endpoint("http://x", "deployment-7", reported_model="gpt-4o")
    assert endpoint.is_same_model("gpt-4o")
    assert not endpoint.is_same_model("deployment-7")
