"""Whether the fusion carries information: the paper's against the released one.

Run ``python -m benchmarks.fusion_proof [--seeds 3] [--steps 150]`` (minutes on one core).

A tiny coach learns to say one of two words by a pattern in the frames; then it is frozen. From
here on frames are noise without the pattern, only the body tells the word, and nothing but the
fusion is trained: it must write what it reads in the body into the frames.

In the task *pairing* a body has two words of four, whose embeddings are a+b and -a-b, or a-b and
-a+b. The words of both classes have the same mean; which halves go together tells them apart. In
the task *word* the two classes have different words. Each body also has three words that mean
nothing. Frames, words without a meaning and order are drawn anew for each step, and again for
the held-out set.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from qevd_bio.model.batch import CoachBatch, collate
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.fusion import FusionConfig, MorphologyFusion
from qevd_bio.model.layout import Example
from qevd_bio.model.loss import weighted_next_token_loss
from qevd_bio.model.tiny import tiny_coach
from qevd_bio.model.trainable import make_trainable

Task = Literal["pattern", "pairing", "word"]
TASKS: tuple[Task, ...] = ("pairing", "word")
SCHEMES: dict[str, dict[str, object]] = {
    "the paper's": {},
    "one pooled key": {"pooled": True},
    "fused on text steps": {"place": "text"},
    "as released: both, with norms": {"pooled": True, "normed": True, "place": "text"},
}
WIDTH, PATCHES, FRAMES = 40, 35, 2
PROMPT, FILLERS, MEANING, SAID = (1, 2, 3), range(10, 40), (50, 51, 52, 53), (60, 61)
HELD_OUT = 512


@dataclass(frozen=True, slots=True)
class Outcome:
    """Share of right words on the held-out set, and the largest gradient of queries and keys."""

    accuracy: float
    gradient: float


def seeing_coach(folder: Path, seed: int, steps: int) -> CoachModel:
    """Train a coach to read the pattern, with rows for the words that mean something."""
    model = tiny_coach(folder / str(seed), width=32, feature_width=WIDTH, seed=seed).model
    table = model.language.model.embed_tokens.weight.data
    generator = torch.Generator().manual_seed(seed)
    table.copy_(torch.randn(table.shape, generator=generator))
    a, b = table[MEANING[0]].clone(), table[MEANING[1]].clone()
    for word, row in zip(MEANING, (a + b, -a - b, a - b, -a + b), strict=True):
        table[word] = row
    model.requires_grad_(True)
    model.language.model.embed_tokens.requires_grad_(False)
    trained(
        model, [one for one in model.parameters() if one.requires_grad], "pattern", seed, steps
    )
    return model.requires_grad_(False)


def examples(task: Task, count: int, tokens: tuple[int, int, int], seed: int) -> list[Example]:
    random = np.random.default_rng(seed)
    vision, begin, _ = tokens
    ids = np.array([*PROMPT, *[vision] * FRAMES, begin, 0])
    shown = np.random.default_rng(0).normal(size=WIDTH)
    found = []
    for number in range(count):
        label = number % 2
        frames = random.uniform(0, 6, (FRAMES, PATCHES, WIDTH))
        if task == "pattern":
            meant: tuple[int, ...] = ()
            frames += shown * (2 * label - 1)
        elif task == "pairing":
            meant = MEANING[2 * label : 2 * label + 2]
        else:
            meant = (MEANING[2 * label],)
        words = random.permutation([*meant, *random.choice(FILLERS, 3)])
        said = ids.copy()
        said[-1] = SAID[label]
        weights = np.zeros(len(ids), np.float32)
        weights[-2] = 1.0
        found.append(
            Example(
                video_id="noise",
                ids=said,
                positions=np.arange(len(ids)),
                slot=np.full(len(ids), -1),
                in_slot=np.zeros(len(ids), np.bool_),
                targets=np.append(said[1:], 0),
                weights=weights,
                vision=np.arange(len(PROMPT), len(PROMPT) + FRAMES),
                frames=frames.clip(0, 6).astype(np.float16),
                morphology=words.astype(np.int64),
                delays_s=np.zeros(0),
                unplaced=(),
                cut_contexts=0,
            )
        )
    return found


@torch.no_grad()
def accuracy(model: CoachModel, batch: CoachBatch) -> float:
    """Share of the held-out set in which the right one of the two words is the likelier."""
    logits = model(batch)[:, list(SAID)]
    return float((logits.argmax(dim=1) == batch.targets - SAID[0]).float().mean())


def trained(
    model: CoachModel, parameters: list[nn.Parameter], task: Task, seed: int, steps: int
) -> float:
    """Train parameters; return the largest gradient that queries and keys of the fusion had."""
    optimiser = torch.optim.AdamW(parameters, lr=0.01 if model.fusion else 0.003)
    gradient = 0.0
    for step in range(steps):
        own = examples(task, 32, model.tokens.numbers(), seed=1000 * (seed + 1) + step)
        batch = collate(own)
        loss = weighted_next_token_loss(model(batch), batch.targets, batch.weights)
        if not loss.requires_grad:
            break  # nothing that is trained had a part in the prediction
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if model.fusion is not None:
            asked = (model.fusion.q_proj.weight.grad, model.fusion.k_proj.weight.grad)
            gradient = max(
                [gradient, *(float(one.abs().max()) for one in asked if one is not None)]
            )
    return gradient


def outcome(model: CoachModel, task: Task, scheme: str, *, seed: int, steps: int) -> Outcome:
    """Train one fusion on one task and try it on bodies and frames it has not seen."""
    torch.manual_seed(seed)
    width = model.language.config.hidden_size
    model.fusion = MorphologyFusion(FusionConfig(WIDTH, width, **SCHEMES[scheme]))  # type: ignore[arg-type]
    parameters = list(make_trainable(model, "fusion").values())
    gradient = trained(model, parameters, task, seed, steps)
    return Outcome(held_out(model, task, seed), gradient)


def held_out(model: CoachModel, task: Task, seed: int) -> float:
    own = examples(task, HELD_OUT, model.tokens.numbers(), seed=10**9 + seed)
    return accuracy(model, collate(own))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started_s = time.process_time()
    print("| task | fusion | held-out accuracy | largest gradient of queries and keys |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        models = [
            seeing_coach(Path(temporary), seed, arguments.steps) for seed in range(arguments.seeds)
        ]
        shares = " ".join(f"{held_out(one, 'pattern', 0):.3f}" for one in models)
        print(f"| pattern in the frames | none (the frozen coach) | {shares} | |", flush=True)
        for task in TASKS:
            for scheme in SCHEMES:
                found = [
                    outcome(model, task, scheme, seed=seed, steps=arguments.steps)
                    for seed, model in enumerate(models)
                ]
                shares = " ".join(f"{one.accuracy:.3f}" for one in found)
                most = max(one.gradient for one in found)
                print(f"| {task} | {scheme} | {shares} | {most:.1e} |", flush=True)
    print(f"\n{time.process_time() - started_s:.0f} s of processor time")


if __name__ == "__main__":
    main()
