"""Repetitions, their truth, and the form errors built into them."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.measures import measure_values
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.synthetic.form_errors import FORM_ERRORS, excursion, form_error_named, scaled
from qevd_bio.synthetic.performance import WANDER_DEG, is_hold, perform, swings
from tests.synthetic.made_cycles import jumping_jack, lunges, plank, pushup, references, squat

DOWN = np.array([0.0, -1.0, 0.0])
KNEE = DOF_INDEX["knee_angle_r"]


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize(
    ("cycle", "keys", "sides"),
    [
        pytest.param(squat, [0.5], [None], id="squat goes down once"),
        pytest.param(jumping_jack, [0.5], [None], id="jack opens once"),
        pytest.param(lunges, [0.25, 0.75], ["r", "l"], id="lunges right then left"),
        pytest.param(plank, [0.5], [None], id="a hold has its middle"),
    ],
)
def test_swings_of_a_cycle(cycle: object, keys: list, sides: list) -> None:
    found = swings(cycle())  # type: ignore[operator]
    assert [s.key for s in found] == pytest.approx(keys, abs=0.011)
    assert [s.side for s in found] == sides
    assert found[0].start == 0.0 and found[-1].end == 1.0
    assert [s.start for s in found[1:]] == [s.end for s in found[:-1]]


def test_only_the_plank_is_a_hold() -> None:
    assert [name for name, cycle in references().items() if is_hold(cycle)] == ["plank"]


def test_repetitions_peak_at_the_known_times() -> None:
    """An independent look: the knee's own maxima against `when`."""
    performance = perform(squat(), squat(), (False,) * 4, 2.0, rng())
    time_s = np.arange(-1.0, performance.borders_s[-1] + 1.0, 0.01)
    knee = performance.q(time_s)[:, KNEE]
    for repetition in range(4):
        begin, end = performance.borders_s[repetition : repetition + 2]
        inside = (time_s >= begin) & (time_s <= end)
        peak_s = time_s[inside][knee[inside].argmax()]
        assert performance.when(repetition, 0.5) == pytest.approx(peak_s, abs=0.04)
    deep = knee > np.deg2rad(60)
    assert (np.diff(deep.astype(int)) == 1).sum() == 4


def test_variation_is_small_and_motion_is_smooth() -> None:
    performance = perform(squat(), squat(), (False,) * 6, 2.0, rng())
    assert np.diff(performance.borders_s) == pytest.approx(2.0, rel=0.13)
    assert len(set(np.diff(performance.borders_s).round(6))) == 6, "no two are alike"
    time_s = np.arange(0.0, performance.borders_s[-1], 1 / 60)
    q = performance.q(time_s)
    assert np.rad2deg(q[:, KNEE].max()) == pytest.approx(110, abs=7)
    assert np.rad2deg(np.abs(np.diff(q, axis=0)).max()) < 5.0


def test_person_waits_before_and_after() -> None:
    performance = perform(squat(), squat(), (False,), 2.0, rng())
    waiting = performance.q(np.array([-3.0, -0.5, 5.0]))
    sway = np.deg2rad(WANDER_DEG) + 1e-12
    assert np.abs(waiting - squat()[0]).max() <= sway


def test_same_seed_same_motion() -> None:
    time_s = np.linspace(0, 4, 50)
    one, two = (perform(squat(), squat(), (False, True), 2.0, rng()).q(time_s) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_only_faulty_repetitions_are_faulty() -> None:
    shallow = FORM_ERRORS["too_shallow"].apply(squat())
    performance = perform(squat(), shallow, (False, True, False), 2.0, rng())
    depth = [
        np.rad2deg(performance.q(np.array([performance.when(i, 0.5)]))[0, KNEE]) for i in range(3)
    ]
    assert depth == pytest.approx([110, 60.5, 110], abs=7)


def test_a_form_error_of_a_hold_sets_in_and_stays() -> None:
    sagging = FORM_ERRORS["hips_sagging"].apply(plank())
    performance = perform(plank(), sagging, (True,), 10.0, rng())
    end_s = performance.borders_s[-1]
    hip = performance.q(np.array([0.0, 0.1 * end_s, 0.5 * end_s, end_s + 1.0]))[
        :, DOF_INDEX["hip_flexion_r"]
    ]
    assert np.rad2deg(hip) == pytest.approx([0, 0, -22, -22], abs=1.5)


MOVED = {
    "too_shallow": ("knee_flexion_r", "knee_flexion_l"),
    "half_way_down": ("elbow_flexion_r", "elbow_flexion_l"),
    "arms_low": ("shoulder_elevation_r", "shoulder_elevation_l"),
    "leaning_forward": ("trunk_forward_lean",),
    "hips_sagging": ("body_line",),
}


@pytest.mark.parametrize("name", FORM_ERRORS)
def test_form_errors_show_in_their_measures(name: str) -> None:
    """Each error moves its measures at the key pose by at least 20 degrees, the stated way."""
    error, measures = FORM_ERRORS[name], MOVED[name]
    reference = references()[error.exercise]
    key = round(swings(reference)[0].key * (len(reference) - 1))
    skeleton = load_body("man").skeleton
    right, wrong = (
        measure_values(measures, cycle[[key]], skeleton, DOWN)
        for cycle in (reference, error.apply(reference))
    )
    grows = name in ("leaning_forward", "hips_sagging")
    for measure in measures:
        change = (wrong[measure] - right[measure])[0]
        assert (change if grows else -change) > 20, measure


@pytest.mark.parametrize("name", sorted(set(FORM_ERRORS) - {"hips_sagging"}))
def test_form_errors_keep_the_first_pose(name: str) -> None:
    reference = references()[FORM_ERRORS[name].exercise]
    np.testing.assert_array_equal(FORM_ERRORS[name].apply(reference)[0], reference[0])


def test_leaning_moves_the_trunk_and_not_the_thighs() -> None:
    reference = lunges()
    faulty = FORM_ERRORS["leaning_forward"].apply(reference)
    for hip in ("hip_flexion_r", "hip_flexion_l"):
        moved = faulty - reference
        np.testing.assert_allclose(moved[:, 0], -moved[:, DOF_INDEX[hip]])


def test_scaling_joints_keeps_the_others() -> None:
    half = scaled(jumping_jack(), 0.5, ("humerus",))
    arm, leg = DOF_INDEX["shoulder_r_x"], DOF_INDEX["hip_adduction_r"]
    np.testing.assert_array_equal(half[:, leg], jumping_jack()[:, leg])
    assert np.ptp(half[:, arm]) == pytest.approx(np.ptp(jumping_jack()[:, arm]) / 2)
    assert excursion(half).max() < excursion(jumping_jack()).max()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        pytest.param(squat()[:, :45], "instead of two times", id="45 angles"),
        pytest.param(squat()[:60], "not the phase of the first", id="open cycle"),
    ],
)
def test_what_is_no_cycle_is_refused(reference: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        perform(reference, reference, (False,), 2.0, rng())


def test_a_form_error_belongs_to_its_exercise() -> None:
    assert form_error_named("half_way_down", "pushup").apply(pushup()).shape == pushup().shape
    with pytest.raises(UsageError, match=r"squat has no form error 'arms_low'.*too_shallow"):
        form_error_named("arms_low", "squat")
