"""How far the asking is: answers, calls, tokens, cost, time left."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """What one `ask` has done so far.

    Attributes
    ----------
    total : int or None
        Number of requests, where it is known.
    done, cached, unscored : int
        Answers that were given; of these read from the file, and not answered.
    calls : int
        HTTP calls of this run.
    tokens : int
        Tokens of this run.
    cost : float or None
        Cost of this run; None without prices.
    seconds : float
        Since the beginning.
    """

    total: int | None
    done: int
    cached: int
    unscored: int
    calls: int
    tokens: int
    cost: float | None
    seconds: float

    @property
    def per_s(self) -> float | None:
        """Answers a second, those from the file left out; None before the first."""
        new = self.done - self.cached
        return new / self.seconds if new and self.seconds > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds left if all others must be asked; None where nothing tells."""
        if self.total is None or self.per_s is None:
            return None
        return max(0, self.total - self.done) / self.per_s
