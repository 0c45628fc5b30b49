"""Train the stand-in of the 3D CNN on rendered clips, to tell exercise and phase.

Usage, in a checkout: ``python -m tools.train_feature_standin WORK``; then copy the file it names
to ``qevd_bio/features/`` and the entry it prints to ``manifests/weights.json``. About five minutes
on a free core; ``--tiny`` takes one, and shows only that everything runs. An interrupted run goes
on where it was, with the same result: every step draws its windows from (seed, step).

T frames of a window, L = T / 4 feature maps

The network is that of `qevd_bio.features.standin`. Two linear heads on the mean of each map tell
the exercise (8 classes) and the phase of its cycle (as cosine and sine); they are not shipped.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import UsageError
from qevd_bio.features.cnn3d import StreamingCnn, pooled
from qevd_bio.features.extract import FeatureExtractor
from qevd_bio.features.standin import STANDIN_LAYERS
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.weights.cnn3d_shapes import N_CHANNELS
from qevd_bio.weights.tensor_file import write_tensors
from tools.standin_clips import EXERCISES, FRAMES, RATE_HZ, Clip, clip_orders, load_clip

GROUP = STANDIN_LAYERS.frames_per_feature
PHASE_WEIGHT = 2.0
UNJUDGED_MAPS = 2
"""The first maps of a window lack the past that they would have in a video."""

KEEP_EVERY = 10
"""Steps between two checkpoints."""

WITHIN_CYCLE = 1.0 / 8.0
"""A phase counts as right when it is nearer than this to the true one, in cycles."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides the weights."""

    seed: int = 1
    exercises: int = 8
    clips_per_exercise: int = 9
    held_out_per_exercise: int = 3
    steps: int = 2000
    windows_per_step: int = 4
    window_frames: int = 24
    learning_rate: float = 1.5e-3
    heads_learning_rate: float = 1.5e-4
    weight_decay: float = 0.02


TINY = Settings(
    exercises=2, clips_per_exercise=2, held_out_per_exercise=1, steps=12, windows_per_step=2
)


class Heads(nn.Module):
    """Exercise and phase from the mean of a feature map."""

    def __init__(self, exercises: int) -> None:
        super().__init__()
        self.scaled = nn.LayerNorm(N_CHANNELS)
        self.exercise = nn.Linear(N_CHANNELS, exercises)
        self.phase = nn.Linear(N_CHANNELS, 2)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return exercise scores (L, E) and cosine and sine of the phase (L, 2)."""
        mean = self.scaled(pooled(features))
        return self.exercise(mean), self.phase(mean)


class Learner(nn.Module):
    """Network and heads, begun from the seed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        self.network = StreamingCnn(STANDIN_LAYERS)
        self.heads = Heads(settings.exercises)
        for layer in self.network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        for block in self.network.cnn[1:-1]:
            if block.block.temporal_stride:
                see_motion(block.conv[0][0].weight.data)
        for layer in (self.heads.exercise, self.heads.phase):
            nn.init.zeros_(layer.weight)

    def calibrate(self, pictures: Tensor) -> None:
        """Scale each channel to mean 0 and deviation 1 on some pictures (T, 3, H, W).

        The network has no normalisation; without this most channels hardly differ from picture to
        picture, and nothing is learned. One pass does it, layer by layer (Mishkin and Matas 2016,
        arXiv 1511.06422, by channel).
        """

        def scale(layer: nn.Conv2d, _: object, out: Tensor) -> Tensor:
            mean, deviation = out.mean((0, 2, 3)), out.std((0, 2, 3)).clamp_min(1e-3)
            layer.weight /= deviation[:, None, None, None]
            layer.bias.copy_((layer.bias - mean) / deviation)
            return (out - mean[:, None, None]) / deviation[:, None, None]

        layers = [one for one in self.network.modules() if isinstance(one, nn.Conv2d)]
        hooks = [one.register_forward_hook(scale) for one in layers]
        with torch.no_grad():
            self.network(pictures)
        for hook in hooks:
            hook.remove()


def see_motion(weight: Tensor) -> None:
    """Let every other channel (rows of a temporal convolution) begin with what moves.

    Its three taps in time add up to zero, so a picture that stands still gives nothing.
    """
    taps = weight[::2].unflatten(1, (3, -1))
    weight[::2] = (taps - taps.mean(dim=1, keepdim=True)).flatten(1, 2)


def window(clip: Clip, rng: np.random.Generator, frames: int) -> tuple[Tensor, FloatArray]:
    """Draw a part of a clip, moved, zoomed and tinted: (T, 3, H, W) and phases (L,)."""
    start = int(rng.integers(0, FRAMES - frames + 1))
    part = np.array(clip.pictures[start : start + frames])
    pictures = torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255.0
    zoom, (right, down) = rng.uniform(0.8, 1.2), rng.uniform(-0.15, 0.15, 2)
    moved = torch.tensor([[zoom, 0.0, right], [0.0, zoom, down]], dtype=torch.float32)
    grid = functional.affine_grid(moved[None], [1, 3, *pictures.shape[2:]], align_corners=False)
    pictures = functional.grid_sample(
        pictures,
        grid.expand(frames, -1, -1, -1),
        padding_mode="border",
        align_corners=False,
    )
    gain = torch.from_numpy(rng.uniform(0.7, 1.3, (1, 3, 1, 1)).astype(np.float32))
    phases = clip.phase[start : start + frames][GROUP - 1 :: GROUP]
    return (pictures * gain + float(rng.uniform(-0.1, 0.1))).clamp_(0.0, 1.0), phases


def loss_of(learner: Learner, clip: Clip, pictures: Tensor, phases: FloatArray) -> Tensor:
    """Cross-entropy of the exercise plus squared error of the phase on the circle."""
    features, _ = learner.network(pictures)
    scores, circle = learner.heads(features[UNJUDGED_MAPS:])
    label = torch.full((len(scores),), EXERCISES.index(clip.order.exercise))
    angle = torch.from_numpy(2 * np.pi * phases[UNJUDGED_MAPS:]).float()
    truth = torch.stack([angle.cos(), angle.sin()], dim=1)
    return functional.cross_entropy(scores, label, label_smoothing=0.05) + (
        PHASE_WEIGHT * functional.mse_loss(circle, truth)
    )


def schedule(settings: Settings, step: int) -> float:
    """Return the share of the learning rate: a rise over a twentieth, then a cosine to 2 %."""
    warm = max(1, settings.steps // 20)
    share = (step - warm) / max(1, settings.steps - warm)
    cosine = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * max(0.0, share)))
    return min(1.0, (step + 1) / warm) * cosine


def train(settings: Settings, work: Path, clips: list[Clip]) -> Learner:
    """Train, or go on with the training of the work folder; keeps a checkpoint now and then."""
    learner = Learner(settings)
    groups = [
        {"params": learner.network.parameters(), "lr": settings.learning_rate},
        {"params": learner.heads.parameters(), "lr": settings.heads_learning_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    peaks = [group["lr"] for group in optimiser.param_groups]
    rng = np.random.default_rng((settings.seed, 4))
    shown = [window(clip, rng, GROUP)[0] for clip in clips for _ in range(2)]
    learner.calibrate(torch.cat(shown))
    begin, spent_s = resume(settings, work, learner, optimiser)
    by_exercise = [
        [c for c in clips if c.order.exercise == name] for name in EXERCISES[: settings.exercises]
    ]
    clock, losses = time.monotonic() - spent_s, list[float]()
    for step in range(begin, settings.steps):
        rng = np.random.default_rng((settings.seed, step, 3))
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * schedule(settings, step)
        optimiser.zero_grad()
        for turn in range(settings.windows_per_step):
            drawn = by_exercise[(step * settings.windows_per_step + turn) % len(by_exercise)]
            clip = drawn[int(rng.integers(len(drawn)))]
            loss = loss_of(learner, clip, *window(clip, rng, settings.window_frames))
            (loss / settings.windows_per_step).backward()
            losses.append(loss.item())
        nn.utils.clip_grad_norm_(learner.parameters(), 2.0)
        optimiser.step()
        if (step + 1) % KEEP_EVERY == 0 or step + 1 == settings.steps:
            spent_s = time.monotonic() - clock
            print(
                f"step {step + 1}: loss {np.mean(losses[-40:]):.3f}, {spent_s:.0f} s", flush=True
            )
            save(settings, work, learner, optimiser, step + 1, spent_s)
    return learner.eval()


def save(
    settings: Settings,
    work: Path,
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    step: int,
    spent_s: float,
) -> None:
    """Write weights and moments, then the step that names them; each whole or not at all."""
    tensors = {f"learner.{k}": v.detach().numpy() for k, v in learner.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        for key in ("exp_avg", "exp_avg_sq"):
            tensors[f"{key}.{number}"] = moments[key].numpy()
    name = f"checkpoint-{step}.safetensors"
    digest = write_tensors(work / name, tensors, {})
    state = {"settings": asdict(settings), "step": step, "spent_s": spent_s, "file": name,
             "tensors_sha256": digest}  # fmt: skip
    write_text_atomic(work / "training.json", json.dumps(state, indent=1) + "\n")
    for other in work.glob("checkpoint-*.safetensors"):
        if other.name != name:
            other.unlink()


def resume(
    settings: Settings, work: Path, learner: Learner, optimiser: torch.optim.Optimizer
) -> tuple[int, float]:
    """Take up the work folder's training; return its next step and the seconds spent."""
    file = work / "training.json"
    if not file.is_file():
        return 0, 0.0
    state = json.loads(file.read_text(encoding="utf-8"))
    if state["settings"] != asdict(settings):
        raise UsageError(
            "holds a training with other settings",
            where=str(file),
            next_step="Name another folder, or delete this one",
        )
    held = load_file(work / state["file"])
    learner.load_state_dict(
        {k.removeprefix("learner."): v for k, v in held.items() if k.startswith("learner.")}
    )
    step = torch.tensor(float(state["step"]))
    moments = {
        n: {"step": step.clone(), "exp_avg": held[f"exp_avg.{n}"],
            "exp_avg_sq": held[f"exp_avg_sq.{n}"]}
        for n in range(len(list(learner.parameters())))
    }  # fmt: skip
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return int(state["step"]), float(state["spent_s"])


def held_out_figures(learner: Learner, clips: list[Clip]) -> dict[str, float]:
    """Measure on whole clips, run as videos are; every map counts."""
    extractor = FeatureExtractor(learner.network)
    right, near, errors, whole = [], [], [], []
    for clip in clips:
        time_s = np.arange(FRAMES) / RATE_HZ
        maps = extractor.features(clip.pictures, time_s, pad=False, where="clip")
        with torch.inference_mode():
            scores, circle = learner.heads(torch.from_numpy(maps.values.astype(np.float32)))
        label = EXERCISES.index(clip.order.exercise)
        truth = clip.phase[np.searchsorted(time_s, maps.time_s)]
        found = torch.atan2(circle[:, 1], circle[:, 0]).numpy() / (2 * np.pi)
        error = np.abs((found - truth + 0.5) % 1.0 - 0.5)
        right.append((scores.argmax(dim=1) == label).float().mean().item())
        whole.append(float(int(scores.mean(dim=0).argmax()) == label))
        near.append(float((error < WITHIN_CYCLE).mean()))
        errors.append(error)
    return {
        "clips": float(len(clips)),
        "exercise_accuracy": float(np.mean(right)),
        "exercise_accuracy_of_clips": float(np.mean(whole)),
        "phase_accuracy": float(np.mean(near)),
        "phase_error_cycles": float(np.median(np.concatenate(errors))),
    }


def main() -> None:
    """Render, train, measure and write the stand-in."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--tiny", action="store_true", help="a minute, to see that it runs")
    parser.add_argument("--steps", type=int, help=f"default {Settings().steps}")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    settings = TINY if asked.tiny else Settings(steps=asked.steps or Settings().steps)
    started = time.monotonic()
    orders = clip_orders(
        settings.clips_per_exercise,
        settings.held_out_per_exercise,
        settings.exercises,
        settings.seed,
    )
    clips = [load_clip(order, asked.work / "clips") for order in orders]
    print(
        f"{len(clips)} clips, rendered or read in {time.monotonic() - started:.0f} s", flush=True
    )
    trained_on = [clip for clip in clips if not clip.order.is_held_out]
    learner = train(settings, asked.work, trained_on)
    figures = {
        "held out": held_out_figures(learner, [c for c in clips if c.order.is_held_out]),
        "trained on": held_out_figures(learner, trained_on[:: settings.clips_per_exercise]),
    }
    print(json.dumps(figures, indent=1))
    metadata = {
        "name": "standin",
        "made_by": "tools/train_feature_standin.py",
        "settings": json.dumps(asdict(settings), sort_keys=True),
        "figures": json.dumps(figures, sort_keys=True),
        "licence": "Apache-2.0",
    }
    tensors = {key: value.numpy() for key, value in learner.network.state_dict().items()}
    file = asked.work / "standin.safetensors"
    digest = write_tensors(file, tensors, metadata)
    entry = {
        "name": "features_standin",
        "file": "qevd_bio/features/standin.safetensors",
        "used_for": "Visual features of `run --features` where cnn3d was not imported: a small "
        "network of the same interface, not Stream-VLM's",
        "made_by": metadata["made_by"],
        "n_bytes": file.stat().st_size,
        "tensors_sha256": digest,
        "licence": metadata["licence"],
        "source": f"{len(trained_on)} clips that qevd_bio.synthetic rendered; figures: "
        "benchmarks/RESULTS-model.md",
    }
    print(f"{file}; its entry in manifests/weights.json:\n{json.dumps(entry, indent=2)}")


if __name__ == "__main__":
    main()
