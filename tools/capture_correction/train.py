"""Train one network of the correction.

``python -m tools.capture_correction.train CLIPS... --out NET.safetensors --seed 1`` (minutes).
Fitted clips are kept beside CLIPS, in CLIPS-fitted. ``--start correction.safetensors --nth 0``
goes on from a network that ships, with clips that it never saw.

N clips, T frames, F features, B bones
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.correction.bone_directions import BONE, HIP_LINE, TRUNK
from qevd_bio.capture.monocular.correction.features import PARTS
from qevd_bio.capture.monocular.correction.network import NetworkShape
from qevd_bio.capture.monocular.inverse_kinematics import observed_mask
from qevd_bio.files.atomic import atomic_path
from qevd_bio.skeleton.dofs import mirror_q
from tools.capture_correction.dataset import example
from tools.capture_correction.networks import TrainedCorrection

LONGEST = 45
"""Frames of a training clip; longer ones are cut."""

LOG_SPREADS = (-3.6, 0.5)
"""Bounds of the logs of expected errors: 1.6 to 94 degrees."""

ROLL_RAD = 0.06
"""Standard deviation of the camera's roll added to each clip in each epoch."""

SPREAD_WEIGHT = 2.0
"""Weight of the spread of limb angles in the loss."""

CALIBRATION_EVERY = 8
"""Every so many clips is left for validation and the calibration of sigma."""


@dataclass(frozen=True, slots=True)
class Set:
    """Clips of one length: features (N, T, F), fitted and true directions (N, T, B, 3), mask."""

    features: Tensor
    fitted: Tensor
    true: Tensor
    mask: Tensor


def padded(examples: list[dict[str, FloatArray]], length: int) -> Set:
    """Bring clips to one length, the last frame repeated; the mask (N, T) leaves it out."""
    take = [np.minimum(np.arange(length), len(e["features"]) - 1) for e in examples]
    mask = [np.arange(length) < len(e["features"]) for e in examples]
    stacked = {
        name: torch.tensor(np.stack([e[name][t] for e, t in zip(examples, take, strict=True)]))
        for name in ("features", "fitted", "true")
    }
    return Set(
        stacked["features"], stacked["fitted"], stacked["true"], torch.tensor(np.stack(mask))
    )


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Angle (...) between vectors (..., 3), rad; smooth enough to learn from at 0 and pi."""
    cross = torch.linalg.cross(a, b)
    return torch.atan2((cross.square().sum(-1) + 1e-8).sqrt(), (a * b).sum(-1))


def limb_angles(bones: Tensor) -> Tensor:
    """Knees, elbows, hip flexions and shoulder elevations (..., 8), rad, left and right."""
    trunk, right = bones[..., TRUNK, :], bones[..., HIP_LINE, :]
    right = torch.nn.functional.normalize(
        right - (right * trunk).sum(-1, keepdim=True) * trunk, dim=-1
    )
    front = torch.linalg.cross(trunk, right)
    out = []
    for side in "lr":
        thigh, upper = (
            bones[..., BONE[f"thigh_{side}"], :],
            bones[..., BONE[f"upper_arm_{side}"], :],
        )
        out.append(angle_between(thigh, bones[..., BONE[f"shank_{side}"], :]))
        out.append(angle_between(upper, bones[..., BONE[f"forearm_{side}"], :]))
        out.append(torch.atan2((thigh * front).sum(-1), -(thigh * trunk).sum(-1)))
        out.append(angle_between(upper, -trunk))
    return torch.stack(out, dim=-1)


def wrapped(angle: Tensor) -> Tensor:
    """Bring differences of angles into (-pi, pi]."""
    return torch.atan2(torch.sin(angle), torch.cos(angle))


def corrected(fitted: Tensor, steps: Tensor) -> Tensor:
    """Add steps to directions."""
    return torch.nn.functional.normalize(fitted + steps, dim=-1)


def errors_of(fitted: Tensor, steps: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute errors of directions and limb angles (N, T, 21), and signed ones of angles, rad."""
    bones = corrected(fitted, steps)
    off = wrapped(limb_angles(bones) - limb_angles(true))
    return torch.cat([angle_between(bones, true), off.abs()], dim=-1), off


def loss_of(
    fitted: Tensor, moved: tuple[Tensor, Tensor], true: Tensor, mask: Tensor, shown: Tensor
) -> Tensor:
    """Mean absolute error of directions and limb angles, of their changes and of their spread.

    The spread of an angle over the clip counts by itself, because what errs least on average
    moves too little. `shown` (N, T, 8) weighs limb angles by what the picture shows of them. The
    networks' own guess of their errors is trained beside (Laplace) and changes nothing else.
    """
    steps, log_spread = moved
    error, off = errors_of(fitted, steps, true)
    angles = error[..., -8:].clamp(max=1.2)
    each = 0.35 * error[..., :-8].mean(-1) + (shown * angles).mean(-1)
    guess = log_spread.clamp(*LOG_SPREADS)
    each = each + 0.05 * (error.detach() * torch.exp(-guess) + guess).mean(-1)
    change = (shown[:, 1:] * wrapped(off[:, 1:] - off[:, :-1]).abs().clamp(max=0.5)).mean(-1)
    both = mask[:, 1:] & mask[:, :-1]
    true_angles = limb_angles(true)
    spread = spread_over_time(true_angles + off, mask) - spread_over_time(true_angles, mask)
    seen = (shown * mask[..., None]).sum(1) / mask[..., None].sum(1)
    return (
        (each * mask).sum() / mask.sum()
        + 0.3 * (change * both).sum() / both.sum()
        + SPREAD_WEIGHT * (seen * spread.abs().clamp(max=0.5)).mean()
    )


def spread_over_time(angles: Tensor, mask: Tensor) -> Tensor:
    """Measure the standard deviation (N, 8) of angles (N, T, 8) over masked frames, rad."""
    weight = mask[..., None].float()
    count = weight.sum(1)
    off = (angles - ((angles * weight).sum(1) / count)[:, None]) * weight
    return torch.as_tensor((off.square().sum(1) / count + 1e-6).sqrt())


_VISIBILITY = slice(66, 99)
_ENDS = ((25, 27), (13, 15), (23, 25), (11, 13), (26, 28), (14, 16), (24, 26), (12, 14))
"""Landmarks that show a limb angle, in the order of `limb_angles`."""


def shown_weights(features: Tensor) -> Tensor:
    """Weigh limb angles (N, T, 8) by the visibility of their landmarks: 0.25 to 1."""
    seen = features[..., _VISIBILITY][..., list(_ENDS)].amin(-1)
    return 0.25 + 0.75 * seen.clamp(0, 1)


_VECTORS = [
    (start, count, coordinates)
    for (_, count, coordinates), start in zip(
        PARTS, np.cumsum([0, *(c * d for _, c, d in PARTS[:-1])]), strict=True)
    if coordinates > 1
]  # fmt: skip


def rolled(values: Tensor, angle: Tensor) -> Tensor:
    """Turn vectors (N, T, ..., 2 or 3) about the camera's axis, by an angle (N,) a clip."""
    shape = (-1, *(1,) * (values.dim() - 2))
    cos, sin = torch.cos(angle).reshape(shape), torch.sin(angle).reshape(shape)
    x, y = values[..., 0], values[..., 1]
    turned = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)
    return torch.cat([turned, values[..., 2:]], dim=-1)


def rolled_features(features: Tensor, angle: Tensor) -> Tensor:
    """Turn all vectors of the features, as if the camera had been rolled."""
    out = features.clone()
    for start, count, size in _VECTORS:
        part = slice(start, start + count * size)
        vectors = features[..., part].reshape(*features.shape[:-1], count, size)
        out[..., part] = rolled(vectors, angle).flatten(-2)
    return out


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Shuffle clips into batches."""
    order = rng.permutation(count)
    yield from (order[i : i + size] for i in range(0, count - size + 1, size))


def train(
    training: Set, validation: Set, *, shape: NetworkShape, seed: int, epochs: int,
    dropout: float, noise: float, rate: float, start: dict[str, Tensor] | None,
) -> TrainedCorrection:  # fmt: skip
    """Train with AdamW and a cosine schedule, from nothing or from the weights of `start`."""
    torch.manual_seed(seed)
    network = TrainedCorrection(shape, dropout)
    if start is None:
        flat = training.features[training.mask]
        network.mean.copy_(flat.mean(0))
        network.scale.copy_(flat.std(0).clamp(min=0.02))
    else:
        network.load_state_dict(start)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    steps = epochs * (len(training.features) // 24)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=steps + 1, pct_start=0.1
    )
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, epoch])
        torch.manual_seed(seed * 1000 + epoch)
        network.train()
        total, count = 0.0, 0
        for take in batches(len(training.features), 24, rng):
            angle = ROLL_RAD * torch.randn(len(take))
            features = rolled_features(training.features[take], angle)
            features = features + noise * network.scale * torch.randn_like(features)
            moved = network(features)
            loss = loss_of(rolled(training.fitted[take], angle), moved,
                           rolled(training.true[take], angle), training.mask[take],
                           shown_weights(training.features[take]))  # fmt: skip
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total, count = total + float(loss.detach()), count + 1
        if epoch % 5 == 4 or epoch == epochs - 1:
            print(f"epoch {epoch + 1}: training {total / count:.4f}, validation "
                  f"{validation_loss(network, validation):.4f}", flush=True)  # fmt: skip
    return network


def shipped_network(file: Path, nth: int) -> dict[str, Tensor]:
    """Read one network of a file that `calibrate` wrote."""
    prefix = f"networks.{nth}."
    return {
        name.removeprefix(prefix): torch.tensor(values).float()
        for name, values in load_file(file).items()
        if name.startswith(prefix)
    }


@torch.no_grad()
def validation_loss(network: TrainedCorrection, held: Set) -> float:
    """Loss over clips not trained on."""
    network.eval()
    return float(
        loss_of(
            held.fitted, network(held.features), held.true, held.mask, shown_weights(held.features)
        )
    )


_KEPT = ("features", "fitted", "true")


def cached_examples(clips: Path) -> list[dict[str, Any]]:
    """Fit the clips that are not fitted yet, keep the results beside the folder; read all.

    Each clip and its mirror image have `features` (T, F), those of the other (`flipped`), `fitted`
    and `true` directions (T, B, 3), observed DoFs `q_true` (T, 21) and `meta`.
    """
    folder = clips.with_name(clips.name + "-fitted")
    folder.mkdir(exist_ok=True)
    out: list[dict[str, Any]] = []
    for path in tqdm(sorted(clips.glob("*.npz")), unit="clip", mininterval=5):
        kept = folder / path.name
        if not kept.exists():
            _fit(path, kept)
        with np.load(path, allow_pickle=False) as clip:
            meta = json.loads(str(clip["meta"]))
            q = clip["q"][np.isfinite(clip["image_px"][:, 0, 0])].astype(float)
        with np.load(kept, allow_pickle=False) as stored:
            for i in range(len(stored.files) // len(_KEPT)):
                true = (mirror_q(q) if i else q)[:, observed_mask()]
                out.append({name: stored[f"{name}{i}"] for name in _KEPT}
                           | {"flipped": stored[f"features{1 - i}"], "q_true": true,
                              "meta": meta})  # fmt: skip
    return out


def _fit(path: Path, kept: Path) -> None:
    """Fit a clip and its mirror image, and write what the networks learn from."""
    found = example(path, MediaPipeConfig())
    arrays = {f"{name}{i}": getattr(one, name).astype(np.float32)
              for i, one in enumerate(found) for name in _KEPT}  # fmt: skip
    with atomic_path(kept) as part, part.open("xb") as file:
        np.savez(file, **arrays)


def left_out_names(text: str) -> list[str]:
    """Split what `--leave-out` names."""
    return [name for name in text.split(",") if name]


def shows_one_of(names: list[str], meta: dict[str, Any]) -> bool:
    """Return whether a clip's motion was made from one of these; ``kind:random`` names a kind."""
    sources = [f"kind:{meta['kind']}", *meta["sources"]]
    return any(name in source for source in sources for name in names)


@torch.no_grad()
def report(network: TrainedCorrection, held: Set, metas: list[dict[str, Any]]) -> None:
    """Print errors of limb angles in view, of the fit and corrected, by kind of motion.

    Per limb: median RMSE of clips, and the share of clips within 6 degrees.
    """
    network.eval()
    moved, _ = network(held.features)
    true = limb_angles(held.true)
    mask = held.mask[..., None]
    rmse = [
        ((wrapped(limb_angles(b) - true).square() * mask).sum(1) / mask.sum(1)).sqrt().rad2deg()
        for b in (held.fitted, corrected(held.fitted, moved))
    ]
    seen = held.features[..., _VISIBILITY][..., list(_ENDS)].amin(-1)
    shown = ((seen * mask).sum(1) / mask.sum(1)) > 0.6
    groups: dict[str, list[int]] = {"all": list(range(len(metas)))}
    for nth, meta in enumerate(metas):
        groups.setdefault(meta["kind"], []).append(nth)
        if meta["kind"] in ("exercise", "recorded"):
            groups.setdefault("  " + meta["sources"][0].split("_0")[0], []).append(nth)
    for name, rows in sorted(groups.items()):
        cells = []
        for nth, limb in enumerate(("knee", "elbow", "hip", "shoulder")):
            which = shown[rows][:, [nth, nth + 4]]
            fit, now = (r[rows][:, [nth, nth + 4]][which] for r in rmse)
            if len(fit):
                within = [(r <= 6).float().mean() for r in (fit, now)]
                cells.append(
                    f"{limb} {fit.median():4.1f}>{now.median():4.1f} "
                    f"{within[0]:.2f}>{within[1]:.2f}"
                )
        print(f"{name:26s} {len(rows):4d}  " + "  ".join(cells))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from a folder of clips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument(
        "--dilations", type=int, nargs="+", default=[1, 2, 3], help="of the blocks"
    )
    parser.add_argument(
        "--part", type=int, default=1, help="learn from every nth eight clips only"
    )
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--start", type=Path, help="weights that ship")
    parser.add_argument("--nth", type=int, default=0, help="network of --start")
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument(
        "--leave-out", default="", help="exercises, classes of recordings, or kinds (kind:random)"
    )
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    examples = [one for folder in chosen.clips for one in cached_examples(folder)]
    left = left_out_names(chosen.leave_out)
    is_left = [shows_one_of(left, e["meta"]) for e in examples]
    is_held = [e["meta"]["number"] % CALIBRATION_EVERY == 0 for e in examples]
    rows = range(len(examples))
    held_rows = [i for i in rows if is_held[i]] if not left else [i for i in rows if is_left[i]]
    learned = [examples[i] for i in rows if not is_held[i] and not is_left[i]]
    training = padded(
        [e for e in learned if e["meta"]["number"] // CALIBRATION_EVERY % chosen.part == 0],
        LONGEST,
    )
    held = padded([examples[i] for i in held_rows], LONGEST)
    print(f"{len(training.mask)} clips to train on, {len(held.mask)} held out")
    shape = NetworkShape(chosen.channels, tuple(chosen.dilations), chosen.causal)
    network = train(training, held, shape=shape, seed=chosen.seed,
                    epochs=chosen.epochs,
                    dropout=chosen.dropout, noise=chosen.noise, rate=chosen.rate,
                    start=chosen.start and shipped_network(chosen.start, chosen.nth))  # fmt: skip
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, chosen.out,
              {**shape.as_text(), "left_out": chosen.leave_out})  # fmt: skip
    report(network, held, [examples[i]["meta"] for i in held_rows])


if __name__ == "__main__":
    main()
