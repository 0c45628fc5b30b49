from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from qevd_bio.capture.monocular.correction.apply import (
    RATE_HZ,
    answers,
    correct,
    corrected_joints,
    grid_frames,
)
from qevd_bio.capture.monocular.correction.bone_directions import (
    directions,
    joints_from_directions,
    mirrored_directions,
)
from qevd_bio.capture.monocular.correction.features import (
    F,
    FittedFrames,
    correction_features,
    mirrored_joints,
)
from qevd_bio.capture.monocular.correction.network import (
    EVIDENCE,
    N_OBSERVED,
    CorrectionNetwork,
    EvidenceNetwork,
    NetworkShape,
)
from qevd_bio.capture.monocular.correction.weights import (
    WEIGHTS_FILE,
    CorrectionWeights,
    load_weights,
)
from qevd_bio.capture.monocular.stick_body import LENGTH_NAMES
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.weights.manifest import load_shipped
from qevd_bio.weights.tensor_file import tensors_digest_of

KNOWN = np.zeros((1, 39), dtype=np.float32)
LENGTHS = np.array([0.42, 0.44, 0.16, 0.3, 0.27, 0.22, 0.38, 0.5])


def fitted_frames(frames: int = 30, seed: int = 0) -> FittedFrames:
    """Random bones of fixed lengths with landmarks around them."""
    rng = np.random.default_rng(seed)
    bones = rng.normal(size=(1, 13, 3)) + 0.05 * rng.normal(size=(frames, 13, 3))
    bones /= np.linalg.norm(bones, axis=-1, keepdims=True)
    named = dict(zip(LENGTH_NAMES, LENGTHS, strict=True))
    joints = joints_from_directions(bones, named, np.tile([0.1, 0.0, 3.0], (frames, 1)))
    return FittedFrames(
        image_px=rng.uniform(0, 400, (frames, 33, 2)),
        world_m=rng.normal(size=(frames, 33, 3)),
        visibility=rng.uniform(size=(frames, 33)),
        joints_m=joints,
        sigma=rng.uniform(0.01, 0.1, (frames, 14)),
        lengths_m=LENGTHS,
        size_px=(400, 600),
        focal_px=720.0,
        heavy=True,
    )


def random_network(seed: int = 0, *, causal: bool = False) -> CorrectionNetwork:
    shape = NetworkShape(channels=16, causal=causal)
    sizes = {"mean": (F,), "scale": (F,), "inward": (16, F), "norm": (16,), "steps": (39, 16),
             "spread": (21, 16)}  # fmt: skip
    for nth in range(3):
        sizes |= {f"blocks.{nth}.{one}.conv": (16, 16, 3) for one in ("first", "second")}
        sizes[f"blocks.{nth}.norm.norm"] = (16,)
    return CorrectionNetwork(shape, random_weights(sizes, seed))


def random_weights(sizes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Arrays of these sizes, with a bias to each but mean, scale and offset."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, size in sizes.items():
        fan_in = max(1, int(np.prod(size[1:])))
        values = rng.normal(size=size) / np.sqrt(fan_in)
        if name in ("mean", "scale", "offset"):
            out[name] = np.abs(values) + 0.5 * (name == "scale")
        else:
            out[f"{name}.weight"] = values
            out[f"{name}.bias"] = 0.1 * rng.normal(size=size[0])
    return {name: values.astype(np.float32) for name, values in out.items()}


def random_evidence_network(outputs: int, seed: int = 0) -> EvidenceNetwork:
    sizes = {"mean": (EVIDENCE,), "scale": (EVIDENCE,), "offset": (outputs,),
             "layers.0": (128, EVIDENCE), "layers.3": (128, 128),
             "layers.6": (outputs, 128)}  # fmt: skip
    return EvidenceNetwork(random_weights(sizes, seed))


def test_joints_come_back_from_directions_and_lengths():
    seen = fitted_frames()
    again = corrected_joints(seen, directions(seen.joints_m))
    assert np.abs(again - seen.joints_m).max() < 1e-12


def test_mirroring_joints_and_mirroring_directions_agree_and_twice_is_nothing():
    seen = fitted_frames()
    bones = directions(seen.joints_m)
    assert np.allclose(directions(mirrored_joints(seen.joints_m)), mirrored_directions(bones))
    assert np.array_equal(mirrored_directions(mirrored_directions(bones)), bones)
    twice = seen.mirrored().mirrored()
    assert np.allclose(correction_features(twice), correction_features(seen))


def test_features_know_neither_size_nor_distance():
    seen = fitted_frames()
    larger = FittedFrames(
        seen.image_px, 1.3 * seen.world_m, seen.visibility, 1.3 * seen.joints_m, 1.3 * seen.sigma,
        1.3 * seen.lengths_m, seen.size_px, seen.focal_px, seen.heavy,
    )  # fmt: skip
    assert correction_features(seen).shape == (30, F)
    assert np.allclose(correction_features(larger), correction_features(seen))


def test_a_mirrored_clip_gets_the_mirrored_correction():
    seen = fitted_frames()
    networks = [random_network(seed) for seed in (1, 2)]
    straight, flipped = answers(seen, networks, KNOWN), answers(seen.mirrored(), networks, KNOWN)
    assert np.abs(straight.steps).max() > 0.01
    for ours, theirs in zip(straight.steps, flipped.steps, strict=True):
        assert np.allclose(mirrored_directions(theirs), ours, atol=1e-5)


def test_networks_that_agree_have_no_disagreement_and_others_do():
    seen = fitted_frames()
    assert answers(seen, [random_network(1), random_network(1)], KNOWN).disagreement().max() < 1e-9
    assert answers(seen, [random_network(1), random_network(2)], KNOWN).disagreement().min() > 1e-3


def test_a_known_posture_is_not_unlike_and_another_is():
    seen, other = fitted_frames(seed=1), fitted_frames(seed=2)
    known = directions(seen.joints_m).reshape(30, -1).astype(np.float32)
    assert answers(seen, [random_network()], known).unlike.max() < 1e-2
    assert answers(other, [random_network()], known).unlike.min() > 1.0


def always(outputs: int, number: float) -> EvidenceNetwork:
    """The same answer to everything."""
    weights = {**random_evidence_network(outputs).weights}
    for name in ("layers.6.weight", "layers.6.bias"):
        weights[name] = np.zeros_like(weights[name])
    weights["offset"] = np.full(outputs, number, dtype=np.float32)
    return EvidenceNetwork(weights)


@pytest.mark.parametrize(("logit", "share"), [(-40.0, 0.0), (0.0, 0.5), (40.0, 1.0)])
def test_the_guard_chooses_between_the_fit_and_the_networks(logit, share):
    seen, time_s = fitted_frames(), np.arange(30) / RATE_HZ
    weights = CorrectionWeights(
        (random_network(1), random_network(2)), KNOWN, always(13, logit),
        always(N_OBSERVED, np.log(0.1)),
    )  # fmt: skip
    joints, sigma = correct(seen, time_s, np.zeros(30, dtype=np.int64), weights)
    expected = answers(seen, weights.networks, KNOWN).bones(np.full((30, 13), share))
    assert np.allclose(directions(joints), expected, atol=1e-6)
    assert np.abs(expected - directions(seen.joints_m)).max() > 0.01 or not share
    assert np.allclose(sigma, 0.1)


def random_weights_file(*, causal: bool) -> CorrectionWeights:
    """Two random networks with a random guard and sigma."""
    networks = (random_network(1, causal=causal), random_network(2, causal=causal))
    others = random_evidence_network(13), random_evidence_network(N_OBSERVED)
    return CorrectionWeights(networks, KNOWN, *others)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 7, 60])
def test_any_length_is_corrected(frames, causal):
    seen, time_s = fitted_frames(frames), np.arange(frames) / 25.0
    weights = random_weights_file(causal=causal)
    joints, sigma = correct(seen, time_s, np.zeros(frames, dtype=np.int64), weights)
    assert np.isfinite(joints).all() and joints.shape == seen.joints_m.shape
    assert (sigma > 0).all() and sigma.shape == (frames, N_OBSERVED)


def test_a_causal_network_does_not_see_what_comes():
    network, rng = random_network(causal=True), np.random.default_rng(0)
    features = rng.normal(size=(40, F))
    changed = np.concatenate([features[:25], rng.normal(size=(15, F))])
    before, after = network(features)[0], network(changed)[0]
    assert np.allclose(before[:25], after[:25], atol=1e-6)
    assert not np.allclose(before[25:], after[25:], atol=1e-2)


@pytest.mark.parametrize("rate", [9.0, 12.0, 15.0, 29.97])
@pytest.mark.parametrize("causal", [False, True])
def test_what_comes_changes_nothing_where_the_weights_look_only_back(rate, causal):
    seen, other = fitted_frames(70), fitted_frames(70, seed=9)
    time_s = np.arange(70) / rate + np.random.default_rng(2).uniform(0, 0.2 / rate, 70)
    weights, sections = random_weights_file(causal=causal), np.zeros(70, dtype=np.int64)
    changed = replace(
        seen,
        image_px=np.concatenate([seen.image_px[:40], other.image_px[40:]]),
        joints_m=np.concatenate([seen.joints_m[:40], other.joints_m[40:]]),
    )
    now = seen.select(np.arange(40))
    for later, frames in ((changed, 70), (now, 40)):
        whole, sigma = correct(seen, time_s, sections, weights)
        cut, cut_sigma = correct(later, time_s[:frames], sections[:frames], weights)
        same = np.allclose(directions(whole)[:40], directions(cut)[:40], atol=1e-6)
        assert same == np.allclose(sigma[:40], cut_sigma[:40], rtol=1e-5) == causal


def test_a_file_of_weights_says_whether_they_look_only_back(tmp_path):
    pytest.importorskip("torch")
    from tools.capture_correction.calibrate import write
    from tools.capture_correction.networks import guard_network, sigma_network

    for causal in (False, True):
        file = tmp_path / f"{causal}.safetensors"
        write(file, [random_network(causal=causal)], KNOWN, guard_network(), sigma_network())
        assert load_weights(file).causal == causal
    assert not load_weights().causal


def test_a_network_spans_about_two_seconds_and_no_more():
    network, features = random_network(), np.random.default_rng(0).normal(size=(60, F))
    changed = features.copy()
    changed[30] += 1.0
    moved = np.abs(network(features)[0] - network(changed)[0]).max(axis=(1, 2)) > 1e-5
    reach = network.shape.span // 2
    assert not moved[: 30 - reach].any() and not moved[30 + reach + 1 :].any()
    assert moved[[30 - reach, 30, 30 + reach]].all()


@pytest.mark.parametrize("causal", [False, True])
def test_capture_runs_the_networks_as_torch_trained_them(causal):
    torch = pytest.importorskip("torch")
    from tools.capture_correction.networks import TrainedCorrection, TrainedEvidence

    rng = np.random.default_rng(1)
    network, evidence = random_network(3, causal=causal), random_evidence_network(13)
    trained = TrainedCorrection(network.shape).eval(), TrainedEvidence(13).eval()
    for ours, theirs in zip((network, evidence), trained, strict=True):
        theirs.load_state_dict({name: torch.tensor(v) for name, v in ours.weights.items()})
    features, seen = rng.normal(size=(40, F)), rng.normal(size=(40, EVIDENCE))
    with torch.no_grad():
        expected = trained[0](torch.tensor(features, dtype=torch.float32)[None])
        of_evidence = trained[1](torch.tensor(seen, dtype=torch.float32))
    for ours, theirs in zip(network(features), expected, strict=True):
        assert np.allclose(ours, theirs[0].numpy(), atol=1e-4)
    assert np.allclose(evidence(seen), of_evidence.numpy(), atol=1e-4)


def test_a_long_shot_is_corrected_in_parts_as_in_one(monkeypatch):
    seen, time_s = fitted_frames(90), np.arange(90) / RATE_HZ
    weights = random_weights_file(causal=False)
    whole = correct(seen, time_s, np.zeros(90, dtype=np.int64), weights)
    monkeypatch.setattr("qevd_bio.capture.monocular.correction.apply._PART_FRAMES", 16)
    parts = correct(seen, time_s, np.zeros(90, dtype=np.int64), weights)
    for one, other in zip(whole, parts, strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_the_shipped_weights_are_those_of_the_manifest_and_were_trained():
    entry = load_shipped()["capture_correction"]
    assert WEIGHTS_FILE.as_posix().endswith(entry.file)
    assert WEIGHTS_FILE.stat().st_size == entry.n_bytes < 10_000_000
    assert tensors_digest_of(load_file(WEIGHTS_FILE)) == entry.tensors_sha256
    weights = load_weights()
    assert len(weights.networks) == 2
    assert answers(fitted_frames(), weights.networks, weights.known).disagreement().min() > 1e-3


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(EnvironmentProblem, match="the weights of the capture"):
        load_weights(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("rate", [10.0, 12.0, 25.0, 29.97, 60.0])
def test_frames_are_sampled_evenly_in_time(rate):
    time_s = 5.0 + np.arange(90) / rate
    ((frames, grid),) = grid_frames(time_s, np.zeros(90, dtype=np.int64))
    assert np.array_equal(frames, np.arange(90))
    wanted = time_s[0] + np.arange(len(grid)) / RATE_HZ
    assert np.abs(time_s[grid] - wanted).max() <= 0.5 / rate + 0.5 / RATE_HZ
    assert abs(len(grid) / RATE_HZ - 90 / rate) < 2.0 / RATE_HZ


def test_a_gap_is_not_bridged():
    time_s = np.r_[np.arange(20), np.arange(100, 130)] / 25.0
    sections = np.r_[np.zeros(20, dtype=np.int64), np.ones(30, dtype=np.int64)]
    first, second = grid_frames(time_s, sections)
    assert first[1].max() < 20 <= second[1].min()
