"""The budget of an asking: what is in flight is all that goes over it, and prices are needed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.llm.budget import Budget, BudgetSpent, Spent
from qevd_bio.llm.cache import AnswerFile
from tests.llm.asking_fixtures import asked, asking, question, questions
from tests.llm.scripted_server import Act, serving


def fine(text: str, before: int, body: dict[str, Any]) -> Act:
    return Act(content=f"answer to {text}")


@pytest.mark.parametrize("limit", [1, 7, 30])
def test_the_budget_of_calls_ends_the_asking_and_a_larger_one_goes_on(
    limit: int, tmp_path: Path
) -> None:
    path, got = tmp_path / "a.jsonl", []
    with serving(fine) as server:
        with (
            pytest.raises(BudgetSpent, match=f"{limit} calls of {limit}") as raised,
            asking(server.url, path, Budget(max_calls=limit), concurrency=4) as client,
        ):
            got.extend(client.ask(questions(40)))
        assert len(server.seen.asked) == limit
        assert [one.text for one in got] == [f"answer to q{i}" for i in range(len(got))]
        assert "raise the limit" in raised.value.next_step
        answers = asked(server.url, path, questions(40), Budget(max_calls=40))
        assert len(answers) == 40 == len(server.seen.asked)
        assert max(server.seen.times().values()) == 1


def test_what_is_known_needs_no_budget(tmp_path: Path) -> None:
    with serving(fine) as server:
        asked(server.url, tmp_path / "a.jsonl", questions(5))
        answers = asked(server.url, tmp_path / "a.jsonl", questions(5), Budget(max_calls=0))
        assert all(one.cached for one in answers)
        with pytest.raises(BudgetSpent):
            asked(server.url, tmp_path / "a.jsonl", questions(6), Budget(max_calls=0))
        assert len(server.seen.asked) == 5


@pytest.mark.parametrize(
    "budget",
    [
        Budget(max_tokens=150),
        Budget(max_cost=0.2, prompt_price=1_000.0, completion_price=2_000.0),
    ],
)
def test_tokens_and_cost_go_over_by_no_more_than_what_is_in_flight(
    budget: Budget, tmp_path: Path
) -> None:
    with serving(lambda text, before, body: Act(delay_s=0.02)) as server:
        with pytest.raises(BudgetSpent):
            asked(server.url, tmp_path / "a.jsonl", questions(60), budget, concurrency=3)
        # 15 tokens, or 0.02 of cost, a call
        assert 10 <= len(server.seen.asked) <= 10 + 2


@pytest.mark.parametrize(
    "given",
    [
        {"max_cost": math.nan, "prompt_price": 1.0, "completion_price": 1.0},
        {"max_cost": 1.0, "prompt_price": math.nan, "completion_price": 1.0},
        {"max_cost": 1.0, "prompt_price": -1.0, "completion_price": 1.0},
        {"max_cost": math.inf, "prompt_price": 1.0, "completion_price": 1.0},
        {"max_calls": -1},
    ],
)
def test_a_budget_that_limits_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Give a number from 0"):
        Budget(**given)


def test_a_budget_of_cost_needs_prices() -> None:
    with pytest.raises(UsageError, match="no prices"):
        Budget(max_cost=1.0, prompt_price=1.0)


def test_a_server_that_counts_no_tokens_is_counted_by_length(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with serving(lambda text, before, body: Act(content="x" * 40, usage=None)) as server:
        (answer,) = asked(server.url, path, [question("q" * 80)])
    assert (answer.prompt_tokens, answer.completion_tokens) == (None, None)
    with AnswerFile(path) as answers:
        assert answers.spent == Spent(1, 20, 10)
