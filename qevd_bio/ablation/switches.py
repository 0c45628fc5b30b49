"""The rows of an ablation: what each switches off or exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qevd_bio.choices import Sentences


@dataclass(frozen=True, slots=True)
class Switch:
    """One row.

    Attributes
    ----------
    about : str
        What differs from the full coach, for readers.
    motion_context, morphology : bool
        Whether the coach is trained and asked with them. Without morphology no fusion is trained.
    sentences : str
        The labels it is trained on.
    made_by : str
        How the release is made that the row needs; empty for that of the full coach.
    """

    about: str
    motion_context: bool = True
    morphology: bool = True
    sentences: Sentences = "new"
    made_by: str = ""


FULL = "full"
SWITCHES: Mapping[str, Switch] = {
    FULL: Switch("everything"),
    "no motion context": Switch("neither trained nor asked with C_motion", motion_context=False),
    "no morphology": Switch("neither trained nor asked with C_morph; no fusion", morphology=False),
    "colloquial labels": Switch("trained on the trainer's own sentences", sentences="original"),
    "no selector": Switch(
        "salient joints are those of the rules",
        made_by="qevd-bio run without --salient-joints",
    ),
    "window 2 s": Switch(
        "the selector looks at 2 s and not at 3",
        made_by="qevd-bio train selector --set window_maps=8, then qevd-bio run with it",
    ),
    "paper policy": Switch(
        "labels replace every correction, whatever was measured",
        made_by="qevd-bio run --policy paper",
    ),
}
