"""The surrogate on activations that are a known function of the movement."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from qevd_bio.errors import DataError
from qevd_bio.generator.fit_surrogate import (
    FitOptions,
    agreement,
    fit_frames,
    fit_sequences,
    padded,
    predicted,
    predicted_sequences,
)
from qevd_bio.generator.surrogate import (
    FrameSurrogate,
    Ranges,
    feature_names,
    frame_features,
    mirror_of,
)
from qevd_bio.generator.surrogate_file import Surrogate, load_surrogate, save_surrogate
from qevd_bio.skeleton import opensim_map

MOVED = (
    "pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz",
    "knee_angle_r", "knee_angle_l", "arm_flex_r", "arm_flex_l",
)  # fmt: skip
COORDINATES = (*MOVED, *(name for name in opensim_map.COORDINATES if name not in MOVED))


def moved(seed: int, frames: int = 40, columns: int = len(MOVED)):
    """Angles, speeds and accelerations; only the first columns are not 0."""
    rng = np.random.default_rng(seed)
    there = np.arange(len(COORDINATES)) < columns
    return tuple(rng.normal(0.0, 1.0, (frames, len(COORDINATES))) * there for _ in range(3))


def test_features_do_not_depend_on_place_and_heading() -> None:
    """The same movement elsewhere, turned by 70 degrees about the vertical."""
    q, dq, ddq = moved(1)
    q[:, 0] *= 0.4
    for one in (dq, ddq):
        one[:, :3] = 0.0
    before = frame_features(COORDINATES, q, dq, ddq, 0.8, 70.0)
    assert before.shape[1] == len(feature_names(COORDINATES))
    turn = Rotation.from_euler("y", 70.0, degrees=True)
    elsewhere, faster, turned = q.copy(), dq.copy(), ddq.copy()
    elsewhere[:, :3] = (turn * Rotation.from_euler("ZXY", q[:, :3])).as_euler("ZXY")
    elsewhere[:, 3:6] = turn.apply(q[:, 3:6]) + np.array([3.0, 1.0, -2.0])
    faster[:, 3:6], turned[:, 3:6] = turn.apply(dq[:, 3:6]), turn.apply(ddq[:, 3:6])
    after = frame_features(COORDINATES, elsewhere, faster, turned, 0.8, 70.0)
    assert np.allclose(before, after)


def test_a_pelvis_that_faces_forward_leans_as_its_coordinates_say() -> None:
    q, dq, ddq = moved(1)
    q *= 0.4
    q[:, COORDINATES.index("pelvis_rotation")] = 0.0
    features = frame_features(COORDINATES, q, dq, ddq, 0.8, 70.0)
    assert np.allclose(features[:, :2], q[:, :2])
    assert feature_names(COORDINATES)[:3] == (*COORDINATES[:2], "knee_angle_r")


def test_what_toes_and_subtalar_joints_do_counts_by_their_soles_only() -> None:
    """Their angles follow from all others where feet rest: a network must not learn that."""
    names = feature_names(COORDINATES)
    assert not [name for name in names if name.startswith(("mtp", "subtalar"))]
    assert not [name for name in names if name.endswith("acceleration")]


def test_a_mirror_swaps_the_sides_and_turns_what_has_a_side() -> None:
    q, dq, ddq = moved(2, columns=len(COORDINATES))
    names = feature_names(COORDINATES)
    whose, signs = mirror_of(names)
    there = frame_features(COORDINATES, q, dq, ddq, 0.8, 70.0)[:, whose] * signs
    sided = ("pelvis_list", "pelvis_rotation", "pelvis_tz", "lumbar_bending", "lumbar_rotation")
    sides = np.array([-1.0 if name in sided else 1.0 for name in COORDINATES])
    other = {"_r": "_l", "_l": "_r"}
    swapped = [COORDINATES.index(name[:-2] + other.get(name[-2:], name[-2:]))
               for name in COORDINATES]  # fmt: skip
    seen = [(one * sides)[:, swapped] for one in (q, dq, ddq)]
    assert np.allclose(there, frame_features(COORDINATES, *seen, 0.8, 70.0))
    assert mirror_of(("soleus_r", "soleus_l"))[0].tolist() == [1, 0]


def known(features: np.ndarray) -> np.ndarray:
    """Two muscles whose activation is a smooth function of knee and tilt."""
    knee, tilt = features[:, 2], features[:, 0]
    return np.stack([0.5 + 0.4 * np.tanh(knee), 0.3 + 0.2 * np.tanh(tilt * knee)], axis=1)


@pytest.fixture(scope="module")
def learned():
    torch.set_num_threads(1)
    features = np.concatenate(
        [frame_features(COORDINATES, *moved(seed, 300), 0.8, 70.0) for seed in range(4)]
    )
    return fit_frames(features, known(features), FitOptions(40, 128, 5e-3), width=48), features


def test_it_learns_a_known_function_and_finds_it_in_new_motion(learned) -> None:
    network, _ = learned
    fresh = frame_features(COORDINATES, *moved(99, 300), 0.8, 70.0)
    found = agreement(predicted(network, fresh), known(fresh), {"both": np.array([0, 1])})
    assert found["both"][0] > 0.9 and found["both"][1] < 0.1


def test_beyond_the_training_range_it_is_as_at_its_edge_and_says_so(learned) -> None:
    network, features = learned
    ranges = Ranges.of(features)
    far = features[:5].copy()
    far[:, 2] = ranges.high[2]
    farther = far.copy()
    farther[:, 2] += 50.0
    assert np.array_equal(predicted(network, far), predicted(network, farther))
    assert ranges.outside(farther)[2] == 1.0 and ranges.outside(features).max() == 0.0
    away = farther.copy()
    away[:, -1] = 500.0
    assert ranges.outside(away)[-1] == 0.0, "a body that never changed tells nothing"


def test_activations_stay_between_a_hundredth_and_one(learned) -> None:
    wild = 1e6 * np.random.default_rng(0).normal(size=(50, learned[1].shape[1]))
    found = predicted(learned[0], wild)
    assert found.min() >= 0.0099 and found.max() <= 1.0


def test_it_can_be_differentiated(learned) -> None:
    x = torch.tensor(learned[1][:4], dtype=torch.float32, requires_grad=True)
    learned[0](x)[:, 0].sum().backward()
    assert x.grad is not None and float(x.grad[:, 2].abs().min()) > 0.0


def test_same_seed_same_bytes() -> None:
    features = frame_features(COORDINATES, *moved(3, 60), 0.8, 70.0)
    options = FitOptions(3, 32, 1e-3, seed=5)
    first, second = (
        fit_frames(features, known(features), options, width=8).state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_activations_begin_at_their_means() -> None:
    features = frame_features(COORDINATES, *moved(3, 200), 0.8, 70.0)
    rare = np.concatenate([np.full((200, 1), 0.02), np.full((200, 1), 0.9)], axis=1)
    network = fit_frames(features, rare, FitOptions(1, 200, 1e-9), width=8)
    assert np.abs(predicted(network, features).mean(axis=0) - [0.02, 0.9]).max() < 0.05


def test_agreement_is_that_of_the_formula() -> None:
    simulated = np.array([[0.1, 0.5], [0.3, 0.5], [0.5, 0.5]])
    ours = simulated + np.array([[0.1, 0.0], [0.0, 0.0], [-0.1, 0.0]])
    found = agreement(ours, simulated, {"first": np.array([0]), "flat": np.array([1])})
    assert found["first"] == pytest.approx((1 - 0.02 / 0.08, np.sqrt(0.02 / 3)))
    assert np.isnan(found["flat"][0]) and found["flat"][1] == 0.0


def test_the_transformer_learns_and_does_not_see_what_fills_a_batch_up() -> None:
    motions = [frame_features(COORDINATES, *moved(s, 12 + s), 0.8, 70.0) for s in range(6)]
    goals = [known(one) for one in motions]
    network = fit_sequences(motions, goals, FitOptions(30, 3, 2e-3))
    groups = {"both": np.array([0, 1])}
    found = agreement(np.concatenate(predicted_sequences(network, motions)),
                      np.concatenate(goals), groups)  # fmt: skip
    assert found["both"][0] > 0.5
    x, absent = padded(motions)
    with torch.no_grad():
        together = network(x, absent)
    alone = predicted_sequences(network, motions)[0]
    assert np.allclose(together[0, : len(alone)].numpy(), alone, atol=1e-5)


def test_a_feature_that_never_changed_is_left_out() -> None:
    features = np.zeros((20, 3))
    features[:, 0] = np.linspace(-1, 1, 20)
    network = FrameSurrogate(Ranges.of(features), 2, width=8)
    other = features + np.array([0.0, 7.0, 0.0])
    assert np.array_equal(predicted(network, features), predicted(network, other))


def test_a_file_gives_the_same_network_and_names(learned, tmp_path) -> None:
    kept = Surrogate(learned[0], COORDINATES, ("one", "other"), 0.5)
    for name in ("a", "b"):
        save_surrogate(kept, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = load_surrogate(tmp_path / "a")
    assert (again.coordinates, again.muscles) == (COORDINATES, kept.muscles)
    assert again.passive_scale == 0.5
    before, after = (predicted(one.network, learned[1]) for one in (kept, again))
    assert np.array_equal(before, after)


@pytest.mark.parametrize("content", [b"", b"no surrogate at all", None])
def test_another_file_is_refused_with_its_name(content, tmp_path) -> None:
    path = tmp_path / "surrogate.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"surrogate\.safetensors"):
        load_surrogate(path)


def test_a_network_of_other_features_is_refused(learned, tmp_path) -> None:
    """As one of a version before: here, of one coordinate less."""
    path = tmp_path / "surrogate.safetensors"
    save_surrogate(Surrogate(learned[0], COORDINATES[:-1], ("one", "other"), 1.0), path)
    with pytest.raises(DataError, match=r"features of a frame.*[Tt]rain it again"):
        load_surrogate(path)


@pytest.mark.parametrize("told", [np.nan, np.inf, -1.0])
def test_passive_forces_without_a_scale_are_refused(learned, tmp_path, told) -> None:
    path = tmp_path / "surrogate.safetensors"
    save_surrogate(Surrogate(learned[0], COORDINATES, ("one", "other"), told), path)
    with pytest.raises(DataError, match=r"surrogate\.safetensors.*passive_scale"):
        load_surrogate(path)


@pytest.mark.parametrize("key", ["layers.2.weight", "scale"])
def test_weights_that_are_no_number_are_refused_by_name(learned, tmp_path, key) -> None:
    network = copy.deepcopy(learned[0])
    network.state_dict()[key].view(-1)[3] = np.nan
    path = tmp_path / "surrogate.safetensors"
    save_surrogate(Surrogate(network, COORDINATES, ("one", "other"), 1.0), path)
    with pytest.raises(DataError, match=rf"surrogate\.safetensors.*{key} holds"):
        load_surrogate(path)


def test_coordinates_without_elbows_are_refused_when_they_are_read(learned, tmp_path) -> None:
    path = tmp_path / "surrogate.safetensors"
    renamed = tuple(name.replace("elbow_flex", "elbow_bend") for name in COORDINATES)
    save_surrogate(Surrogate(learned[0], renamed, ("one", "other"), 1.0), path)
    with pytest.raises(DataError, match=r"surrogate\.safetensors.*elbow_flex_r is not among"):
        load_surrogate(path)


def test_an_angle_that_is_nan_gives_nan_and_is_out_of_range(learned) -> None:
    network, features = learned
    broken = features[:4].copy()
    still = int(np.flatnonzero(features.std(axis=0) == 0.0)[0])
    broken[0, 2] = broken[1, still] = np.nan
    found = predicted(network, broken)
    assert np.isnan(found[:2]).all() and np.isfinite(found[2:]).all()
    outside = Ranges.of(features).outside(broken)
    assert outside[2] == outside[still] == 0.25
