"""Motions of the model as references: the rule's own reference, performed, comes back."""

from __future__ import annotations

import json

import numpy as np

from qevd_bio.exercises.given_references import with_references
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference, reference_flaws
from qevd_bio.generator.made_reference import in_ranges, middle_of, reference_of, write_reference
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.opensim_map import PELVIS, to_opensim

RULES = load_rules()
SQUAT = RULES["squat"]
OWN = build_reference(SQUAT)
LEGS = [DOF_INDEX[f"{name}_{side}"] for name in ("hip_flexion", "knee_angle", "ankle_angle")
        for side in "rl"]  # fmt: skip


def performed(down_s: float, up_s: float, q: np.ndarray = OWN):
    """Stand, do the reference with a tempo, stand; as the model's coordinates."""
    time_s = np.linspace(0.0, down_s + up_s + 0.6, 64)
    phase = np.interp(time_s, [0.3, 0.3 + down_s, 0.3 + down_s + up_s], [0.0, 0.5, 1.0])
    poses = np.stack([np.interp(phase, np.linspace(0, 1, len(q)), one) for one in q.T], axis=1)
    columns = to_opensim(poses, WORLD_GRAVITY)
    # the person heads along the model's X, as made motions do
    columns |= dict.fromkeys(PELVIS, np.zeros(64))
    columns["pelvis_tilt"] = poses[:, DOF_INDEX["pelvis_tilt"]]
    return tuple(columns), np.stack(list(columns.values()), axis=1), time_s


def test_the_phases_are_where_the_rule_has_them_whatever_the_tempo() -> None:
    for down_s, up_s in ((1.6, 0.8), (0.8, 1.6)):
        found = reference_of(SQUAT, *performed(down_s, up_s))
        assert not isinstance(found, str)
        knee = found[:, DOF_INDEX["knee_angle_r"]]
        assert abs(int(knee.argmax()) - 50) <= 2
        # where a repetition begins is found as in people: after the rest
        assert np.abs(np.rad2deg(found - OWN))[:, LEGS].mean() < 8.0
        assert np.array_equal(found[0], found[-1]) and not reference_flaws(SQUAT, found)


def test_an_upright_pelvis_that_heads_along_x_is_at_rest() -> None:
    found = reference_of(SQUAT, *performed(1.2, 1.2))
    assert not isinstance(found, str)
    assert np.abs(np.rad2deg(found[0, :3])).max() < 5.0
    assert np.rad2deg(found[50, DOF_INDEX["pelvis_tilt"]]) < -20.0, "it leans forward"


def test_a_motion_without_a_repetition_is_none() -> None:
    names, q, time_s = performed(1.2, 1.2)
    still = np.repeat(q[:1], len(q), axis=0)
    assert "finds no whole repetitions" in str(reference_of(SQUAT, names, still, time_s))


def test_arms_that_skel_cannot_hold_are_those_of_the_rule() -> None:
    q = OWN.copy()
    q[:, DOF_INDEX["shoulder_r_z"]] = np.deg2rad(170.0)
    q[:, DOF_INDEX["knee_angle_r"]] -= np.deg2rad(7.0)
    found = in_ranges(q, OWN)
    assert np.array_equal(found[:, DOF_INDEX["shoulder_r_z"]], OWN[:, DOF_INDEX["shoulder_r_z"]])
    knee = np.rad2deg(found[:, DOF_INDEX["knee_angle_r"]])
    assert knee.min() == 0.0, "a degree beyond is cut off"
    q[:, DOF_INDEX["knee_angle_r"]] -= np.deg2rad(20.0)
    assert reference_flaws(SQUAT, in_ranges(q, OWN)), "more is not"


def test_a_folder_is_read_back_with_where_it_comes_from(tmp_path) -> None:
    found = reference_of(SQUAT, *performed(1.0, 1.2))
    assert not isinstance(found, str)
    write_reference(tmp_path, SQUAT, found, {"seed": 3})
    assert np.array_equal(build_reference(with_references(RULES, tmp_path)["squat"]), found)
    entry = json.loads((tmp_path / "index.json").read_text())["references"]["squat"]
    assert entry["generated"] == {"seed": 3} and isinstance(entry["misses"], list)


def test_the_middle_one_is_nearest_to_all_others() -> None:
    assert middle_of([OWN, OWN + 0.1, OWN + 0.5]) == 1
