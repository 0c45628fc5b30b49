"""Where the centre of mass lies between the ankles, by hand and against the muscle model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from qevd_bio.generator.balance import BALANCE, balance_features
from qevd_bio.generator.surrogate import mirror_of
from qevd_bio.skeleton.opensim_map import COORDINATES as ANGLES
from qevd_bio.skeleton.opensim_map import TRANSLATIONS
from tests.muscles.models import opened

SHARE, SIDEWAYS, FORWARD, WIDTH, RISE = range(len(BALANCE))
COORDINATES = (*ANGLES, *TRANSLATIONS)
PELVIS = ["pelvis_tilt", "pelvis_list", "pelvis_rotation"]
LEG_M = 0.81


def posed(**degrees: float) -> np.ndarray:
    q = np.zeros(len(COORDINATES))
    for name, value in degrees.items():
        q[COORDINATES.index(name)] = np.deg2rad(value)
    return q


def squats(count: int, seed: int = 0) -> np.ndarray:
    """Bent legs that differ, a body that leans and turns (count, N)."""
    rng = np.random.default_rng(seed)
    q = np.deg2rad(rng.uniform(-15.0, 15.0, (count, len(COORDINATES))))
    for name in ("hip_flexion", "knee_angle", "elbow_flex", "arm_flex"):
        for side in "rl":
            column = COORDINATES.index(f"{name}_{side}")
            q[:, column] += np.deg2rad(rng.uniform(20.0, 70.0, count))
    return q


def balance(q: np.ndarray, leg_m: float = LEG_M) -> np.ndarray:
    return balance_features(COORDINATES, torch.from_numpy(q), leg_m).numpy()


def test_an_upright_body_stands_in_the_middle_of_its_stance() -> None:
    found = balance(posed())
    assert found[[SHARE, SIDEWAYS, RISE]] == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert found[WIDTH] == pytest.approx(2 * 0.077)
    parts = {-0.071: 11.78, -0.131: 26.83, -0.056: 2 * (9.39 + 3.71 + 1.57), -0.098: 2 * 3.70}
    centre = sum(at * kg for at, kg in parts.items()) / sum(parts.values())
    assert found[FORWARD] == pytest.approx(centre + 0.056)


def test_legs_that_swing_out_show_where_the_trunk_is() -> None:
    """Both legs 10 degrees apart; then as if the pelvis had moved to the right."""
    apart = balance(posed(hip_adduction_r=-10.0, hip_adduction_l=-10.0))
    assert apart[WIDTH] == pytest.approx(2 * (0.077 + LEG_M * np.sin(np.deg2rad(10.0))))
    moved = balance(posed(hip_adduction_r=5.0, hip_adduction_l=-5.0))
    assert moved[SIDEWAYS] > 0.03 and moved[WIDTH] == pytest.approx(2 * 0.077)
    assert moved[SHARE] == pytest.approx(moved[SIDEWAYS] / moved[WIDTH])


def test_trunk_arms_and_knees_move_the_weight_to_where_they_go() -> None:
    upright = balance(posed())
    assert balance(posed(lumbar_extension=-20.0))[FORWARD] > upright[FORWARD] + 0.02
    assert balance(posed(elbow_flex_r=90.0, elbow_flex_l=90.0))[FORWARD] > upright[FORWARD] + 0.005
    assert balance(posed(lumbar_bending=10.0))[SIDEWAYS] > 0.01
    assert balance(posed(arm_flex_r=90.0, arm_flex_l=90.0))[FORWARD] > upright[FORWARD] + 0.01
    assert balance(posed(arm_add_r=-90.0))[SIDEWAYS] > 0.01 > -0.01 > (
        balance(posed(arm_add_l=-90.0))[SIDEWAYS])  # fmt: skip
    lifted = balance(posed(hip_flexion_r=60.0, knee_angle_r=60.0))
    assert lifted[RISE] == pytest.approx(0.41 * 0.5)


def test_a_mirror_turns_what_has_a_side_and_nothing_else() -> None:
    q = squats(30)
    whose, signs = mirror_of(COORDINATES)
    turned = np.ones(len(BALANCE))
    turned[[SHARE, SIDEWAYS, RISE]] = -1.0
    assert np.allclose(balance(q[:, whose] * signs), balance(q) * turned)
    assert np.array_equal(mirror_of(BALANCE)[1], turned)
    assert np.array_equal(mirror_of(BALANCE)[0], np.arange(len(BALANCE)))


def test_heading_and_place_do_not_count() -> None:
    q = squats(30)
    columns = [COORDINATES.index(name) for name in PELVIS]
    turn = Rotation.from_euler("y", 70.0, degrees=True)
    elsewhere = q + 3.0 * np.array([name.startswith("pelvis_t") for name in COORDINATES])
    elsewhere[:, columns] = (turn * Rotation.from_euler("ZXY", q[:, columns])).as_euler("ZXY")
    assert np.allclose(balance(elsewhere), balance(q))


def test_a_larger_body_has_larger_distances_and_the_same_share() -> None:
    small, large = balance(squats(20), 0.81), balance(squats(20), 0.972)
    assert np.allclose(large[:, SIDEWAYS:], 1.2 * small[:, SIDEWAYS:])
    wide = large[:, WIDTH] > 0.2
    assert wide.any() and np.allclose(large[wide, SHARE], small[wide, SHARE])


def test_ankles_in_one_place_leave_it_finite() -> None:
    inward = -np.rad2deg(np.arcsin(0.077 / LEG_M))
    q = torch.from_numpy(posed(hip_adduction_r=-inward, hip_adduction_l=-inward))
    found = balance_features(COORDINATES, q.requires_grad_(True), LEG_M)
    found.sum().backward()
    assert found[WIDTH] < 1e-6 and torch.isfinite(found).all()
    assert q.grad is not None and torch.isfinite(q.grad).all()


def test_its_gradient_is_that_of_differences() -> None:
    q = torch.from_numpy(squats(3)).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda at: balance_features(COORDINATES, at, 0.85), q)


def test_a_coordinate_that_is_lacking_is_named() -> None:
    names = [name for name in COORDINATES if name != "elbow_flex_l"]
    with pytest.raises(ValueError, match="elbow_flex_l"):
        balance_features(names, torch.zeros(2, len(names)), LEG_M)


@pytest.mark.data
def test_ankles_and_centre_of_mass_go_where_those_of_the_model_go(shared_data) -> None:
    """By metres for a radian of a coordinate: the model tells of its centre of mass no more."""
    model = opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")
    place = [COORDINATES.index(name) for name in model.coordinates]
    q = squats(12)
    at = model.places(q[:, place], ("talus_r", "talus_l"))
    across = at.origins_m[:, 0] - at.origins_m[:, 1]
    width = np.linalg.norm(across[:, [0, 2]], axis=1)
    found = balance(q)
    # the model's knee rolls: up to 2 cm at each ankle
    assert np.abs(found[:, WIDTH] - width).max() < 0.05
    assert np.abs(found[:, RISE] - across[:, 1]).max() < 0.05
    line = across / width[:, None] * np.array([1.0, 0.0, 1.0])
    for name in ("lumbar_bending", "lumbar_rotation", "arm_add_r", "arm_add_l"):
        moves = model.centre_moves(q[:, place])[..., model.coordinates.index(name)]
        sideways = (moves * line).sum(axis=1)
        step = 1e-5 * (np.array(COORDINATES) == name)
        ours = (balance(q + step) - balance(q - step))[:, SIDEWAYS] / 2e-5
        assert np.linalg.norm(ours - sideways) < 0.15 * np.linalg.norm(sideways), name
