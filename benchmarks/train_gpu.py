"""How fast the fusion is trained, with random weights of the real size.

Run ``python -m benchmarks.train_gpu`` on a GPU for LLaMA-2-7B: segments a second, memory, and the
share of the device's bf16 peak. Without a GPU that figure is not taken, and stated so; the same
script then takes SmolLM2-135M's shape and compares the training loop with a bare forward and
backward pass of the same model on a batch that is ready. Their updates alternate and CPU seconds
are counted, so that other programs disturb both alike.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.hsmr_gpu import PEAK_TFLOPS
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.coach_settings import CoachSettings
from qevd_bio.model.coach_tokenizer import CoachTokenizer, add_action_tokens, load_tokenizer
from qevd_bio.model.cross_attention import VisualCrossAttention
from qevd_bio.model.make_coach import OFFICIAL_LAYERS
from qevd_bio.model.segment import CoachingSegment, Feedback, VisualFeatures
from qevd_bio.model.tiny import write_byte_tokenizer
from qevd_bio.training.checkpoint import trained_parameters
from qevd_bio.training.coach_samples import CoachData
from qevd_bio.training.loop import Updating, autocast, start_processes
from qevd_bio.training.order import BatchPlan, MicroBatches
from qevd_bio.training.train_fusion import FusionTraining, fusion_recipe

CHANNELS, MAPS, RATE_HZ, START_S = 1280, 120, 4.0, 100.0
NAMED_TFLOP = 10.4
"""Of one segment of 350 tokens, as the bar counts it (forward 5.7, backward 4.7)."""

LEAST_SEGMENTS_PER_S, MOST_BYTES, LEAST_SHARE = 15.0, 60e9, 0.8


@dataclass(frozen=True, slots=True)
class Size:
    """A language model by its numbers, and where it is adapted."""

    name: str
    config: dict[str, int]
    layers: tuple[int, ...]


LLAMA_7B = Size(
    "LLaMA-2-7B",
    {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
     "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32064},
    OFFICIAL_LAYERS,
)  # fmt: skip
SMOL_135M = Size(
    "SmolLM2-135M",
    {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
     "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152 + 64},
    (20, 23, 26),
)  # fmt: skip
TOY = Size(
    "a toy",
    {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
     "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 320},
    (1, 3),
)  # fmt: skip


def random_model(size: Size, tokenizer: CoachTokenizer, device: torch.device) -> CoachModel:
    """Make a coach of a size with random weights, on a GPU in bf16."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**size.config, max_position_embeddings=4096, rms_norm_eps=1e-5,
                         tie_word_embeddings=False)  # fmt: skip
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device.type == "cuda" else torch.float32)
    try:
        with device:
            language = LlamaForCausalLM(config)
            width = size.config["hidden_size"]
            attention = {i: VisualCrossAttention(width, CHANNELS) for i in size.layers}
            model = CoachModel(language, attention, tokenizer.tokens)
    finally:
        torch.set_default_dtype(usual)
    return model.eval().requires_grad_(False)


def made_data(segments: int, maps: int = MAPS) -> CoachData:
    """Make segments of 350 tokens: prompt of 190, 120 frames, three feedbacks of twelve."""
    rng = np.random.default_rng(0)
    times_s = START_S + (1 + np.arange(maps)) / RATE_HZ
    values = rng.uniform(0.0, 6.0, (maps, CHANNELS, 7, 5)).astype(np.float16)
    spoken = tuple(
        Feedback(START_S + share * maps / RATE_HZ, "bend deeper.") for share in (0.2, 0.5, 0.8)
    )
    chosen = [
        CoachingSegment(
            video_id=f"{number:04d}", release="0", exercise="squats", start_s=START_S,
            end_s=float(times_s[-1]), feedbacks=spoken, morphology="Height 1.78 m, Mass 73.22 kg.",
        )
        for number in range(segments)
    ]  # fmt: skip
    return CoachData(
        trained_on=chosen, held_out=(), contexts=None,
        features_of=lambda video: VisualFeatures(video, values, times_s, "random"),
        network="random", release="0", digest="0",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """A recipe on its device, with what updates it."""

    recipe: Any
    step: Updating
    device: torch.device

    def micro_batches(self, start: int, end: int) -> Iterator[Any]:
        """Load micro-batches as a training does."""
        task, config = self.recipe.task, self.recipe.config
        return iter(
            DataLoader(
                task.dataset,
                batch_sampler=MicroBatches(self.step.plan, start, end),
                collate_fn=task.collate,
                num_workers=config.loader_workers,
                pin_memory=self.device.type == "cuda",
            )
        )

    def bare(self, batch: Any) -> None:
        """Run forward and backward on a batch that lies on the device, nothing else."""
        with autocast(self.recipe.config, self.device):
            loss = self.recipe.task.loss(self.recipe.task.model, batch, [])
        loss.backward()
        self.recipe.task.model.zero_grad(set_to_none=True)


def bench_of(size: Size, changes: dict[str, Any], segments: int, maps: int) -> Bench:
    """Prepare the recipe of the fusion for a model of a size."""
    accelerator = start_processes()
    with tempfile.TemporaryDirectory() as temporary:
        bytes_folder, folder = Path(temporary, "bytes"), Path(temporary, "coach")
        for one in (bytes_folder, folder):
            one.mkdir()
        write_byte_tokenizer(bytes_folder)
        add_action_tokens(bytes_folder, folder)
        (folder / "coach.json").write_text("{}")
        tokenizer = load_tokenizer(folder)
        model = random_model(size, tokenizer, accelerator.device)
        settings = CoachSettings(size.layers, 1, CHANNELS, tokenizer.tokens.numbers())
        config = replace(FusionTraining(skip_spoken_frames=False, tensorboard=False), **changes)
        coach = Coach(model, tokenizer, settings, folder)
        recipe = fusion_recipe(config, coach, made_data(segments, maps))
    model.to(accelerator.device)
    optimizer = torch.optim.AdamW(trained_parameters(model).values(), lr=config.learning_rate)
    plan = BatchPlan(segments, config.batch_size, config.micro_batch, config.seed)
    step = Updating(recipe.task, model, optimizer, plan, config, accelerator)
    return Bench(recipe, step, accelerator.device)


def on_gpu(batch: int, updates: int) -> None:
    """Measure LLaMA-2-7B's size on a GPU."""
    workers = {"loader_workers": 8, "deterministic": False, "cache_gb": 0.0}
    bench = bench_of(LLAMA_7B, {"batch_size": batch, "micro_batch": batch, **workers}, 64, MAPS)
    name = torch.cuda.get_device_name()
    batches = bench.micro_batches(0, updates + 3)
    for update in range(3):
        bench.step.update(update, updates, batches)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    began_s = time.perf_counter()
    for update in range(3, updates + 3):
        bench.step.update(update, updates, batches)
    torch.cuda.synchronize()
    per_s = updates * batch / (time.perf_counter() - began_s)
    peak = next((flops for part, flops in PEAK_TFLOPS if part in name), None)
    share = f"{per_s * NAMED_TFLOP / peak:.0%} of {peak:.0f}" if peak else "unknown peak"
    memory = torch.cuda.max_memory_allocated()
    tokens = bench.recipe.task.dataset[0].ids.size
    print(f"{LLAMA_7B.name} on {name}, batch {batch}, {tokens} tokens a segment")
    print(f"{per_s:.1f} segments/s (bar {LEAST_SEGMENTS_PER_S:g})")
    print(f"{memory / 1e9:.1f} GB (bar {MOST_BYTES / 1e9:g})")
    print(f"{per_s * NAMED_TFLOP:.0f} TFLOP/s at {NAMED_TFLOP} a segment: {share} TFLOP/s")


def on_cpu(size: Size, batch: int, updates: int, maps: int) -> float:
    """Compare the training loop with a bare pass of the same model; return their ratio."""
    changes = {"batch_size": batch, "micro_batch": batch, "cache_gb": 0.0, "precision": "fp32"}
    bench = bench_of(size, changes, 8 * batch, maps)
    ready = next(bench.micro_batches(0, 1))
    tokens = bench.recipe.task.items(ready)
    batches = bench.micro_batches(0, updates + 1)
    bench.bare(ready)
    bench.step.update(0, updates, batches)
    seconds = {"bare": [], "training": []}
    for update in range(1, updates + 1):
        seconds["bare"].append(cpu_seconds(lambda: bench.bare(ready)))
        seconds["training"].append(
            cpu_seconds(lambda update=update: bench.step.update(update, updates, batches))
        )
    speed = {name: tokens / float(np.median(found)) for name, found in seconds.items()}
    ratio = speed["training"] / speed["bare"]
    with FlopCounterMode(display=False) as counted:
        bench.bare(ready)
    print(f"{size.name}'s shape, random weights, fp32, {torch.get_num_threads()} thread, "
          f"{batch} segments of {tokens // batch} tokens, fusion, adapters after "
          f"{', '.join(map(str, size.layers))}: {counted.get_total_flops() / batch / 1e12:.3f} "
          "TFLOP a segment")  # fmt: skip
    print(f"bare forward and backward {speed['bare']:.0f} tokens per CPU second")
    print(f"training loop {speed['training']:.0f} tokens per CPU second, "
          f"{ratio:.2f} of the bare pass (bar {LEAST_SHARE:g})")  # fmt: skip
    cached = with_cache(size, changes, updates, maps, batch)
    print(f"training loop with kept states {tokens / cached:.0f} tokens per CPU second, "
          f"{tokens / cached / speed['bare']:.2f} of the bare pass")  # fmt: skip
    return ratio


def with_cache(size: Size, changes: dict[str, Any], updates: int, maps: int, batch: int) -> float:
    """Measure an update whose states below the first adapter are known, in CPU seconds."""
    bench = bench_of(size, {**changes, "cache_gb": 4.0}, batch, maps)
    batches = bench.micro_batches(0, updates + 1)
    bench.step.update(0, updates, batches)
    found = [
        cpu_seconds(lambda update=update: bench.step.update(update, updates, batches))
        for update in range(1, updates + 1)
    ]
    return float(np.median(found))


def cpu_seconds(work: Callable[[], object]) -> float:
    """Measure the CPU time of this process."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, help="segments of an update; default 16, on a CPU 2")
    parser.add_argument("--updates", type=int, help="measured updates; default 20, on a CPU 3")
    parser.add_argument("--maps", type=int, default=MAPS, help="feature maps of a segment")
    parser.add_argument("--toy", action="store_true", help="a toy instead of SmolLM2, for tests")
    asked = parser.parse_args()
    if torch.cuda.is_available():
        on_gpu(asked.batch or 16, asked.updates or 20)
        return
    print(f"{LLAMA_7B.name}: not taken, torch sees no GPU here")
    torch.set_num_threads(1)
    size = TOY if asked.toy else SMOL_135M
    on_cpu(size, asked.batch or 2, asked.updates or 3, asked.maps)


if __name__ == "__main__":
    main()
