"""Train guard and error of the correction, and write the shipped weights.

``python -m tools.capture_correction.calibrate CLIPS NET... --out correction.safetensors``.
Networks trained with ``--leave-out`` show what the correction does to motions it does not know:
guard and sigma learn from their left-out clips, and from the held-out clips of the networks that
ship. Of each family there have to be as many networks as ship, or the guard tells what it should
judge by how far they disagree. ``--unknown CLIPS`` are clips of motions that no network saw, for
the tables alone.

N clips, T frames, B bones, D = 46 DoF
"""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torch import Tensor

from qevd_bio.arrays import Float32Array, FloatArray
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.correction.apply import answers_about, steady_shares
from qevd_bio.capture.monocular.correction.bone_directions import B, joints_from_directions
from qevd_bio.capture.monocular.correction.network import CorrectionNetwork, NetworkShape
from qevd_bio.capture.monocular.inverse_kinematics import (
    OBSERVED,
    inverse_kinematics,
    observed_mask,
)
from qevd_bio.skeleton.dofs import DOFS
from tools.capture_correction.networks import TrainedEvidence, guard_network, sigma_network
from tools.capture_correction.train import (
    CALIBRATION_EVERY,
    cached_examples,
    corrected,
    errors_of,
    left_out_names,
    limb_angles,
    shown_weights,
    shows_one_of,
    wrapped,
)

_OBSERVED = [dof.name for dof in DOFS if dof.name in OBSERVED]
LIMB_CLASSES = {
    name: [nth for nth, dof in enumerate(_OBSERVED) if dof.startswith(name)]
    for name in ("pelvis", "hip", "knee", "ankle", "elbow", "shoulder")
}
"""Columns of the observed DoFs."""

MOST_ERROR = 1.5
N_KNOWN = 12000
HARM = 1.0
KNOWN_WEIGHT = 2.0
"""Of a clip of known motion; one of unknown motion weighs 0.5, there are four times as many."""
TRUST = 2.0
"""Added to the guard's logits, because most motions in videos are known: 0 to 2.5 were compared on
clips of known motion and on families left out; more helps the former, every value all families."""
GUARD_FRAMES = 12
"""Frames of a clip that train the guard."""
LENGTHS = {"trunk": 0.5, "hip_width": 0.2, "shoulder_width": 0.35, "thigh": 0.42, "shank": 0.42,
           "foot": 0.2, "upper_arm": 0.3, "forearm": 0.27}  # fmt: skip
"""Any lengths: angles do not depend on them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One clip as networks that were not trained on it see it.

    Attributes
    ----------
    evidence : Tensor (T, E)
    fitted, steps, true : Tensor (T, B, 3)
    q_true : ndarray (T, 21)
        Observed DoFs, rad.
    fold : str
        What the networks were trained without; empty of those that ship.
    meta : dict
    """

    evidence: Tensor
    fitted: Tensor
    steps: Tensor
    true: Tensor
    q_true: FloatArray
    fold: str
    meta: dict[str, Any]


def load_network(file: Path) -> tuple[CorrectionNetwork, str]:
    """Load one trained network; return it and what it was trained without."""
    with safe_open(file, "np") as opened:
        about = opened.metadata()
    return CorrectionNetwork(NetworkShape.from_text(about), load_file(file)), about["left_out"]


def grouped_networks(files: Sequence[Path]) -> dict[str, list[CorrectionNetwork]]:
    """Group networks by what they were trained without; `ValueError` for groups of other sizes.

    One network disagrees with nobody: a guard that learned from it would learn which group it
    looks at instead of what the group does not know.
    """
    networks: dict[str, list[CorrectionNetwork]] = defaultdict(list)
    for file in files:
        network, fold = load_network(file)
        networks[fold].append(network)
    sizes = {fold: len(members) for fold, members in networks.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"numbers of networks differ by what they were trained without: {sizes}. "
            "Train as many without each family as ship"
        )
    return networks


def known_postures(clips: list[dict[str, Any]], fold: str) -> Float32Array:
    """Draw fitted bone directions (`N_KNOWN` at most, B * 3) that networks were trained on."""
    names = left_out_names(fold)
    trained = [
        c["fitted"] for c in clips if not _is_held(c) and not shows_one_of(names, c["meta"])
    ]
    frames = np.concatenate(trained).reshape(-1, 3 * B)
    count = min(N_KNOWN, len(frames))
    drawn = np.random.default_rng(1).choice(frames, count, replace=False)
    return np.asarray(drawn, dtype=np.float32)


def samples(
    clips: list[dict[str, Any]], networks: dict[str, list[CorrectionNetwork]]
) -> list[Sample]:
    """Let each group of networks correct clips it was not trained on.

    Of the clips with motion unknown to a group, every third is enough.
    """
    out = []
    for fold, members in networks.items():
        known, names = known_postures(clips, fold), left_out_names(fold)
        for clip in clips:
            unknown = shows_one_of(names, clip["meta"]) and clip["meta"]["number"] % 3 == 0
            if unknown or (_is_held(clip) and not fold):
                out.append(_sample(clip, members, known, fold))
    return out


def _is_held(clip: dict[str, Any]) -> bool:
    return bool(clip["meta"]["number"] % CALIBRATION_EVERY == 0)


def _sample(
    clip: dict[str, Any], members: list[CorrectionNetwork], known: Float32Array, fold: str
) -> Sample:
    found = answers_about(clip["features"], clip["flipped"], clip["fitted"], members, known)
    return Sample(
        _tensor(found.evidence()), _tensor(found.fitted), _tensor(found.steps.mean(axis=0)),
        _tensor(clip["true"]), clip["q_true"], fold, clip["meta"],
    )  # fmt: skip


def _tensor(values: FloatArray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def standardise(network: TrainedEvidence, chosen: list[Sample]) -> None:
    """Set mean and scale of the inputs."""
    flat = torch.cat([one.evidence for one in chosen])
    network.mean.copy_(flat.mean(0))
    network.scale.copy_(flat.std(0).clamp(min=0.02))


def sampled(chosen: list[Sample], name: str) -> Tensor:
    """Take `GUARD_FRAMES` frames of each clip, evenly (N, G, ...)."""
    parts = [getattr(one, name) for one in chosen]
    return torch.stack(
        [p[np.linspace(0, len(p) - 1, GUARD_FRAMES).round().astype(int)] for p in parts]
    )


def train_guard(chosen: list[Sample], *, seed: int, epochs: int) -> TrainedEvidence:
    """Choose the share of each step that leaves the least error; harm counts `HARM` times more."""
    torch.manual_seed(seed)
    network = guard_network()
    standardise(network, chosen)
    evidence, fitted, steps, true = (
        sampled(chosen, name) for name in ("evidence", "fitted", "steps", "true")
    )
    weight = torch.tensor([0.5 if one.fold else KNOWN_WEIGHT for one in chosen])[:, None, None]
    of_fit = errors_of(fitted, torch.zeros_like(steps), true)[0]
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    total = epochs * (len(evidence) // 32) + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=total)
    for _ in range(epochs):
        order = torch.randperm(len(evidence))
        for start in range(0, len(order) - 31, 32):
            take = order[start : start + 32]
            share = torch.sigmoid(network(evidence[take]).mean(1, keepdim=True))[..., None]
            error = errors_of(fitted[take], share * steps[take], true[take])[0]
            loss = error + HARM * (error - of_fit[take]).relu()
            loss = (weight[take] * loss).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return trusting(network.eval())


@torch.no_grad()
def trusting(network: TrainedEvidence) -> TrainedEvidence:
    """Add `TRUST` to all logits."""
    network.layers[-1].bias.add_(TRUST)
    return network


@torch.no_grad()
def guarded(one: Sample, guard: TrainedEvidence) -> tuple[Tensor, Tensor]:
    """Return the corrected directions (T, B, 3) and the shares of the steps (T, B)."""
    share = _tensor(steady_shares(guard(one.evidence).numpy().astype(np.float64)))
    return corrected(one.fitted, share[..., None] * one.steps), share


def errors(one: Sample, guard: TrainedEvidence) -> Tensor:
    """Absolute errors of the observed DoFs (T, 21), rad."""
    bones = guarded(one, guard)[0].numpy().astype(float)
    joints = joints_from_directions(bones, LENGTHS, np.zeros((len(bones), 3)))
    share = MediaPipeConfig().lifting.spine_share_of_hips
    q = inverse_kinematics(joints, spine_share=share)[:, observed_mask()]
    return _tensor(np.abs(np.angle(np.exp(1j * (q - one.q_true))))).clamp(1e-4, MOST_ERROR)


def train_sigma(
    chosen: list[Sample], guard: TrainedEvidence, *, seed: int, epochs: int
) -> TrainedEvidence:
    """Minimise the negative log likelihood of Laplace errors."""
    torch.manual_seed(seed)
    network = sigma_network()
    standardise(network, chosen)
    evidence = torch.cat([one.evidence for one in chosen])
    error = torch.cat([errors(one, guard) for one in chosen])
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    steps = epochs * (len(evidence) // 512)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1)
    for _ in range(epochs):
        order = torch.randperm(len(evidence))
        for start in range(0, len(order) - 511, 512):
            take = order[start : start + 512]
            log_sigma = network(evidence[take])
            loss = (log_sigma + error[take] * torch.exp(-log_sigma)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def scale_to_coverage(
    network: TrainedEvidence, chosen: list[Sample], guard: TrainedEvidence, share: float
) -> None:
    """Shift each DoF's log sigma so that this share of errors lies within it."""
    ratio = torch.cat([errors(one, guard).log() - network(one.evidence) for one in chosen])
    network.offset += torch.quantile(ratio, share, dim=0)


@torch.no_grad()
def report(chosen: list[Sample], guard: TrainedEvidence, title: str) -> None:
    """Print the RMSE of limb angles in view of the fit, corrected and guarded, by motion."""
    groups: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for one in chosen:
        true, (bones, share) = limb_angles(one.true), guarded(one, guard)
        shown = shown_weights(one.evidence).mean(0) > 0.7
        rmse = [
            wrapped(limb_angles(b) - true).square().mean(0).sqrt().rad2deg()[shown].tolist()
            for b in (one.fitted, corrected(one.fitted, one.steps), bones)
        ]
        name = one.meta["kind"]
        if name in ("exercise", "recorded"):
            name = one.meta["sources"][0].split("_0")[0]
        rows = [(*row, float(share.mean())) for row in zip(*rmse, strict=True)]
        groups[name] += rows
        groups["all"] += rows
    print(f"{title}: limbs; RMSE of the fit, corrected, guarded (means); share of the steps")
    for name, rows in sorted(groups.items()):
        fit, now, kept, share = np.mean(rows, axis=0) if rows else [np.nan] * 4
        print(f"{name:36s} {len(rows):5d} {fit:6.2f} {now:6.2f} {kept:6.2f} {share:5.2f}")


@torch.no_grad()
def coverage(
    chosen: list[Sample], guard: TrainedEvidence, sigma: TrainedEvidence, title: str
) -> None:
    """Print the share of errors within one sigma, by class of limb.

    Once as the network tells it, once with what capture adds for real pictures.
    """
    error = torch.cat([errors(one, guard) for one in chosen])
    own = torch.cat([torch.exp(sigma(one.evidence)) for one in chosen])
    added = torch.tensor(np.deg2rad(MediaPipeConfig().real_pictures_deg), dtype=torch.float32)
    for words, total in (("within one sigma", own), ("and added", torch.hypot(own, added))):
        inside = (error <= total).float()
        by_class = " ".join(
            f"{name} {inside[:, columns].mean():.2f}" for name, columns in LIMB_CLASSES.items()
        )
        print(f"{title}: {words} {inside.mean():.3f}; {by_class}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train guard and sigma, print what they do to unknown motion, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("networks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--share", type=float, default=0.56)
    parser.add_argument("--unknown", type=Path, help="clips of motions that no network saw")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    networks = grouped_networks(chosen.networks)
    clips = cached_examples(chosen.clips)
    found = samples(clips, networks)
    for fold in filter(None, networks):
        _without(fold, found, chosen.epochs, chosen.share)
    first, rest = ([one for one in found if _third(one) == is_third] for is_third in (False, True))
    guard, sigma = _trained(first, [s for s in rest if not s.fold], chosen.epochs, chosen.share)
    known = known_postures(clips, "")
    unseen = cached_examples(chosen.unknown) if chosen.unknown else []
    for title, some in (
        ("known motion", [s for s in rest if not s.fold]),
        ("unknown motion", [s for s in rest if s.fold]),
        (f"{chosen.unknown}", [_sample(clip, networks[""], known, "") for clip in unseen]),
    ):
        if some:
            report(some, guard, title)
            coverage(some, guard, sigma, title)
    write(chosen.out, networks[""], known, guard, sigma)


def _trained(
    chosen: list[Sample], scale_on: list[Sample], epochs: int, share: float
) -> tuple[TrainedEvidence, TrainedEvidence]:
    """Train guard and sigma, sigma scaled on clips that neither learned from."""
    guard = train_guard(chosen, seed=1, epochs=epochs)
    sigma = train_sigma(chosen, guard, seed=1, epochs=epochs)
    scale_to_coverage(sigma, scale_on, guard, share)
    return guard, sigma


def _without(fold: str, found: list[Sample], epochs: int, share: float) -> None:
    """Print what networks, guard and sigma that never saw a family do to it."""
    names = left_out_names(fold)
    others = [s for s in found if s.fold != fold and not shows_one_of(names, s.meta)]
    scale_on = [s for s in others if _third(s) and not s.fold]
    guard, sigma = _trained([s for s in others if not _third(s)], scale_on, epochs, share)
    unknown = [s for s in found if s.fold == fold]
    report(unknown, guard, f"without {fold}")
    coverage(unknown, guard, sigma, f"without {fold}")


def _third(one: Sample) -> bool:
    """Return whether a clip is left for the scale of sigma and the tables."""
    return bool((one.meta["number"] // CALIBRATION_EVERY) % 3 == 0)


def write(
    out: Path,
    networks: list[CorrectionNetwork],
    known: Float32Array,
    guard: TrainedEvidence,
    sigma: TrainedEvidence,
) -> None:
    """Write all networks to one file, as half floats."""
    tensors = {"known": torch.tensor(known)}
    for nth, network in enumerate(networks):
        tensors |= {f"networks.{nth}.{k}": torch.tensor(v) for k, v in network.weights.items()}
    tensors |= {f"guard.{k}": v for k, v in guard.state_dict().items()}
    tensors |= {f"sigma.{k}": v for k, v in sigma.state_dict().items()}
    half = {k: v.half().contiguous() for k, v in tensors.items()}
    save_file(half, out, {**networks[0].shape.as_text(), "networks": str(len(networks))})
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, "
          f"sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")  # fmt: skip


if __name__ == "__main__":
    main()
