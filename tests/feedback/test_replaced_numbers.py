"""Other numbers in contexts, and the same ones in what is said about them."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.feedback.replaced_numbers import numbers, replaced_numbers, told_again

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


def test_a_sentence_is_told_again_with_the_numbers_of_its_context() -> None:
    known: dict[str, str] = {}
    told = replaced_numbers(CONTEXT, np.random.default_rng(3), known)
    sentence = "Knee flexion 70° (target: 70°). Increase knee flexion by 20° within 9 s."
    again = told_again(sentence, known)
    assert again == (
        f"Knee flexion {known['70°']}° (target: 70°). Increase knee flexion by {known['20°']}° "
        "within 9 s."
    )
    assert numbers(again) - {"9"} <= numbers(told)
    assert told_again("Great job!", known) == "Great job!"


def test_counts_and_times_are_no_angles_of_the_context() -> None:
    known = {"12°": "18", "15°": "9", "30°": "24", "0.9 x": "1.4"}
    said = "12 reps done! Keep going for 15 more seconds, 30 seconds rest, 15 s of it lying."
    assert told_again(said, known) == said
    assert told_again("By 12 degrees, to 0.9 x hip width.", known) == (
        "By 18 degrees, to 1.4 x hip width."
    )
