"""Contexts whose numbers were replaced, and what counts as following them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the coach needs transformers")
from qevd_bio.ablation import counterfactual as module
from qevd_bio.ablation.counterfactual import counterfactual, numbers, replaced_numbers
from qevd_bio.model.generate import Asked, Generated, GenerationConfig
from qevd_bio.model.segment import (
    CoachingSegment,
    ContextRow,
    Feedback,
    MotionContexts,
    VisualFeatures,
)

CONTEXT = (
    "Pose state: right knee flexion 50°. Violations: Knee flexion 70° (target: 90°). Increase "
    "knee flexion by 20° at the bottom phase. Stance width 0.9 x hip width (target: > 1.2 x)."
)


@pytest.mark.parametrize("seed", range(20))
def test_numbers_are_replaced_and_targets_and_pose_stay(seed: int) -> None:
    told = replaced_numbers(CONTEXT, np.random.default_rng(seed))
    assert told.startswith("Pose state: right knee flexion 50°. Violations: Knee flexion ")
    assert "(target: 90°)" in told and "(target: > 1.2 x)" in told
    new, old = numbers(told), numbers(CONTEXT)
    assert old == {"70", "20", "0.9"} and len(new) == 3
    assert "70" not in told and " 20°" not in told, "each number is another one"
    assert all(float(one) >= 0 for one in new)
    assert sorted("." in one for one in new) == [False, False, True]


def test_equal_numbers_stay_equal_and_texts_without_violations_stay() -> None:
    twice = "Violations: Hip flexion 40°. Reduce hip flexion to 40°."
    assert len(numbers(replaced_numbers(twice, np.random.default_rng(0)))) == 1
    known: dict[str, str] = {}
    rng = np.random.default_rng(0)
    first, other = (replaced_numbers(f"Violations: Hip flexion {n}°.", rng, known)
                    for n in (40, 40))  # fmt: skip
    assert first == other, "an exercise's contexts repeat what they repeated"
    plain = "Pose state: right knee flexion 50°."
    assert replaced_numbers(plain, np.random.default_rng(0)) == plain


def test_numbers_of_a_sentence_are_those_it_states_but_targets() -> None:
    assert numbers("Elbow flexion 89° (target: < 45°). Reduce it by 44°.") == {"89", "44"}
    assert numbers("Great job!") == frozenset()


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
