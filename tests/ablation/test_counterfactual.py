"""Contexts whose numbers were replaced, and what counts as following them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the coach needs transformers")
from qevd_bio.ablation import counterfactual as module
from qevd_bio.ablation.counterfactual import counterfactual
from qevd_bio.model.generate import Asked, Generated, GenerationConfig
from qevd_bio.model.segment import (
    CoachingSegment,
    ContextRow,
    Feedback,
    MotionContexts,
    VisualFeatures,
)


def asked_about(video: str, exercise: str, value: int) -> Asked:
    """Make an exercise with one violation from its second second on."""
    times_s = 100.0 + 0.25 * np.arange(1, 21)
    violated = f"Pose state: trunk 3°. Violations: Knee flexion {value}° (target: 90°)."
    rows = (
        ContextRow(100.0, "Pose state: trunk 3°. Violations: no cycle is complete.", 0),
        ContextRow(102.0, violated, 1),
    )
    maps = np.full((20, 4, 7, 5), value / 40.0, np.float16)
    return Asked(
        CoachingSegment(video, "1.0.0", exercise, 100.0, 105.0),
        VisualFeatures(video, maps, times_s, "made"),
        MotionContexts(video, "1.0.0", rows),
    )


ASKED = [asked_about("0001", "squats", 70), asked_about("0002", "lunges", 50)]


def speaker(monkeypatch: pytest.MonkeyPatch, say: Callable[[Asked], str]) -> None:
    """Let a coach say one sentence about each exercise, at its third second."""

    def together(_coach: object, asked: Sequence[Asked], _config: object) -> list[Generated]:
        return [
            Generated((Feedback(103.0, say(one)), Feedback(104.0, "Great job!")), (), "fixed", "")
            for one in asked
        ]

    monkeypatch.setattr(module, "generate_together", together)


def told(one: Asked) -> str:
    assert isinstance(one.contexts, MotionContexts)
    row = one.contexts.latest(103.0)
    assert row is not None
    return row.text.partition("Violations: ")[2]


def shown(one: Asked) -> str:
    return f"Knee flexion {round(float(one.features.maps[0, 0, 0, 0]) * 40)}°."


@pytest.mark.parametrize(
    ("say", "replaced", "contradicted"),
    [
        (told, (2, 0, 0), (2, 0, 0)),
        (shown, (0, 2, 0), (0, 2, 0)),
        (lambda _one: "Knee flexion 1°.", (0, 0, 2), (0, 0, 2)),
        (lambda _one: "Lower!", (0, 0, 0), (0, 0, 0)),
    ],
)
def test_a_reader_of_contexts_a_looker_and_a_parrot_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
    say: Callable[[Asked], str],
    replaced: tuple[int, int, int],
    contradicted: tuple[int, int, int],
) -> None:
    speaker(monkeypatch, say)
    found = counterfactual(None, ASKED, GenerationConfig())  # type: ignore[arg-type]
    one, other = found.replaced, found.contradicted
    assert (one.new, one.old, one.neither) == replaced and one.stated == sum(replaced)
    assert (other.context, other.picture, other.neither) == contradicted
    share = replaced[0] / sum(replaced) if sum(replaced) else None
    assert found.as_json()["replaced"]["share"] == share  # type: ignore[index,call-overload]
