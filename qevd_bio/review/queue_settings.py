"""How sentences are given out: the share judged twice, and what confident ones are passed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from qevd_bio.errors import UsageError
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.store import VerdictStore

_SETTING = "queue"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How sentences are given out.

    Attributes
    ----------
    share : float
        Share of the sentences that two annotators judge, each without seeing the other's verdict.
    autopass : float or None
        Rewritten sentences at least this certain are passed without being shown; None: none are.
    sample : float
        Share of these that is shown all the same, chosen at random.
    seed : int
        Of both choices.
    """

    share: float = 0.1
    autopass: float | None = None
    sample: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        shares = {"share": self.share, "autopass": self.autopass, "sample": self.sample}
        for name, value in shares.items():
            if value is not None and not 0.0 <= value <= 1.0:
                raise UsageError(
                    f"is {value}", where=f"{name} of the queue", next_step="Give 0 to 1"
                )

    def is_shared(self, key: ItemKey) -> bool:
        """Return whether two annotators judge an item."""
        return self._draw("shared", key) < self.share

    def is_sampled(self, key: ItemKey) -> bool:
        """Return whether an item is shown although it is certain enough to be passed."""
        return self._draw("sampled", key) < self.sample

    def random_place(self, key: ItemKey) -> float:
        """Return where an item stands in the random order, from 0 to 1."""
        return self._draw("order", key)

    def _draw(self, what: str, key: ItemKey) -> float:
        name = f"{self.seed}\0{what}\0{key.video_id}\0{key.feedback_index}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2.0**64


def kept_settings(store: VerdictStore, **given: Any) -> QueueSettings:  # noqa: ANN401  the fields
    """Take the settings that a store keeps, with those given in their place, and keep these.

    `given` are fields of `QueueSettings`; None leaves the kept value.
    """
    found = read_settings(store)
    new = replace(found, **{name: value for name, value in given.items() if value is not None})
    if new != found or _SETTING not in store.settings():
        store.keep_setting(_SETTING, asdict(new))
    return new


def read_settings(store: VerdictStore) -> QueueSettings:
    """Read the settings that a store keeps; the usual ones where it keeps none."""
    kept: Any = store.settings().get(_SETTING)
    return QueueSettings(**kept) if isinstance(kept, Mapping) else QueueSettings()
