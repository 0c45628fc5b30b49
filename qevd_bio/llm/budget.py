"""What may be spent on a language model, and what was."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from qevd_bio.errors import QevdBioError, UsageError

_MILLION = 1e6


class BudgetSpent(QevdBioError):
    """The budget is used up; what was answered until then is kept."""


@dataclass(frozen=True)
class Spent:
    """What calls have cost so far.

    Attributes
    ----------
    calls : int
        HTTP calls that were begun, repeated and failed ones too.
    prompt_tokens, completion_tokens : int
        As the server counted them; estimated where it did not.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of both kinds."""
        return self.prompt_tokens + self.completion_tokens

    def plus(self, *, calls: int = 0, prompt: int = 0, completion: int = 0) -> Spent:
        """Add calls and tokens."""
        return replace(
            self,
            calls=self.calls + calls,
            prompt_tokens=self.prompt_tokens + prompt,
            completion_tokens=self.completion_tokens + completion,
        )


@dataclass(frozen=True)
class Budget:
    """The most that may be spent, over all runs that share a file of answers; None: no limit.

    Attributes
    ----------
    max_calls, max_tokens : int or None
        HTTP calls, and tokens of prompts and answers together.
    max_cost : float or None
        In the currency of the prices; needs both.
    prompt_price, completion_price : float or None
        Price of a million tokens.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    prompt_price: float | None = None
    completion_price: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits and prices that limit nothing, and a cost that cannot be counted."""
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise UsageError(
                    f"{one.name} is {value}",
                    where="budget",
                    next_step="Give a number from 0, or leave it out for no limit",
                )
        if self.max_cost is not None and self.cost(Spent()) is None:
            raise UsageError(
                "has a limit of cost and no prices",
                where="budget",
                next_step="State the price of a million tokens of prompts and of answers",
            )

    def cost(self, spent: Spent) -> float | None:
        """Work out what was spent in money; None without prices."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        return (
            spent.prompt_tokens * self.prompt_price
            + spent.completion_tokens * self.completion_price
        ) / _MILLION

    def check(self, spent: Spent, *, where: str) -> None:
        """Raise `BudgetSpent` where no further call may begin.

        Calls in flight are in `Spent.calls` from their beginning, their tokens when they end:
        tokens and cost go over a limit by what is in flight when they reach it.
        """
        for limit, used, unit in (
            (self.max_calls, spent.calls, "calls"),
            (self.max_tokens, spent.tokens, "tokens"),
            (self.max_cost, self.cost(spent), "of cost"),
        ):
            if limit is not None and used is not None and used >= limit:
                raise BudgetSpent(
                    f"the budget is used up: {used:,.6g} {unit} of {limit:,.6g}"
                    if isinstance(used, float)
                    else f"the budget is used up: {used:,} {unit} of {limit:,}",
                    where=where,
                    next_step="What was answered is kept; raise the limit and run the same again",
                )


def estimated_tokens(text: str) -> int:
    """Estimate the tokens of a text for servers that count none: one for four bytes."""
    return -(-len(text.encode("utf-8", "replace")) // 4)
