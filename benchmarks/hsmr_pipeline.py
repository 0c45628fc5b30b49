"""How busy a run keeps HSMR's network on short clips, and whether memory stays flat.

Run ``python -m benchmarks.hsmr_pipeline [--part speed|memory]``. Clips go through the whole
pipeline in a supervised worker, as `qevd-bio run` does it: decoded, a person found (by a stand-in
that costs nothing, or by the detector named), cropped, batched across videos, taken through the
network with random weights of the release's size, and through all later stages. Without a GPU
clips are small and a tiny network replaces the release's, and the table states this.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.hsmr_clips import clip_stages, write_clips, write_weights
from benchmarks.hsmr_made import HEIGHT, OFFICIAL, WIDTH, made_crops, synchronize
from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.capture.hsmr.predict import predict, prepare
from qevd_bio.choices import Device, Precision
from qevd_bio.engine.execute.stage_factory import stage_factory_of
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.limits import Limits
from qevd_bio.engine.plan import current_artifacts, plan
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.store import Store
from qevd_bio.files.digest import sha256_file
from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.weights.hsmr_shapes import AttentionHeads, HsmrSize

SMALL_PX = (180, 320)
"""Height and width of the clips without a GPU."""

TINY = (
    HsmrSize(width=128, depth=6, hidden=512, token_width=128, layers=2, inner=32, head_hidden=48),
    AttentionHeads(4, 2),
)
"""A network that costs a CPU core more than decoding and cropping do, as on a GPU."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement needs.

    `home` holds the clips and the weights; `threads` are those of torch for one operation.
    """

    home: Path
    options: HsmrOptions
    network: HsmrNetwork
    clips: int
    stand_in: bool
    threads: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of all clips: lines on the use of network and memory, and digests of artifacts."""

    use: list[dict[str, float]]
    digests: dict[tuple[str, str], str]

    @property
    def seconds(self) -> float:
        """From the end of the set-up to the end of the last capture."""
        return self.use[-1]["s"] - self.use[0]["s"]

    @property
    def busy(self) -> float:
        """Share of `seconds` with a batch in the network."""
        return (self.use[-1]["busy_s"] - self.use[0]["busy_s"]) / self.seconds

    @property
    def crops_a_second(self) -> float:
        """Crops that went through the network, the mirrored ones among them."""
        return (self.use[-1]["crops"] - self.use[0]["crops"]) / self.seconds


def run_clips(bench: Bench, name: str, in_hand: int) -> Ran:
    """Take all clips through the whole pipeline with one worker.

    Parameters
    ----------
    name : str
        Of the work folder.
    in_hand : int
        Most videos that the worker works on at once.
    """
    config = PipelineConfig(bench.home / "QEVD", backend="hsmr", hsmr=bench.options).as_json()
    use_file = bench.home / f"{name}.jsonl"
    factory = stage_factory_of(
        clip_stages,
        config=config,
        use_file=str(use_file),
        stand_in=bench.stand_in,
        threads=bench.threads,
    )
    stages, store = factory.stages(), Store(bench.home / name)
    videos = [f"{number + 1000:04}" for number in range(bench.clips)]
    limits = Limits(in_hand=in_hand, recycle_after=len(videos))
    with recorded_run(
        store.root, argv=[], config=config, execution=asdict(limits),
        on_event=lambda _event: None, report=print,
    ) as run:  # fmt: skip
        summary = run_supervised(factory, stages, videos, store, run, workers=1, limits=limits)
    if summary.failures:
        raise RuntimeError(f"{len(summary.failures)} units failed: {summary.failures[0].reason}")
    found = current_artifacts(plan(stages, videos, store), store)
    digests = {
        (video, stage): sha256_file(path)
        for video, paths in found.items()
        for stage, path in paths.items()
    }
    return Ran([json.loads(line) for line in use_file.open(encoding="utf-8")], digests)


def network_alone(bench: Bench, seconds: float = 5.0) -> float:
    """Measure crops a second of the network on crops that lie ready."""
    device = next(bench.network.parameters()).device
    size = bench.options.batch_size if device.type == "cuda" else 1
    precision = bench.options.config().precision
    ready = made_crops(size).to(device)
    for _ in range(3):
        predict(bench.network, ready, precision)
    synchronize(device)
    rounds, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        predict(bench.network, ready, precision).q.cpu()
        rounds += 1
    return rounds * size / (time.perf_counter() - start)


def speed(bench: Bench, in_hand: int) -> None:
    """Compare runs of several videos in hand and of one with the network alone."""
    before = network_alone(bench)
    several = run_clips(bench, "several", in_hand)
    alone = (before + network_alone(bench)) / 2
    one = run_clips(bench, "one", 1)
    print("| what | network busy | crops a second | of the network alone | seconds |")
    print("|---|---|---|---|---|")
    for what, ran in ((f"{in_hand} videos in hand", several), ("one by one", one)):
        speeds = f"{ran.crops_a_second:,.0f} | {ran.crops_a_second / alone:.0%}"
        print(f"| {what} | {ran.busy:.1%} | {speeds} | {ran.seconds:.0f} |")
    print(f"| network alone | | {alone:,.0f} | | |")
    same = sum(several.digests[key] == one.digests.get(key) for key in several.digests)
    print(f"\n{same} of {len(one.digests)} artifacts have the same bytes.")
    if same < max(len(one.digests), len(several.digests)):
        raise SystemExit("bytes differ")


def memory(bench: Bench, in_hand: int) -> None:
    """Print the peaks after each tenth of the clips."""
    use = run_clips(bench, "memory", in_hand).use[1:]
    print("| clips | most on the GPU, MB | most resident so far, MB |\n|---|---|---|")
    shown = use[len(use) // 10 - 1 :: max(1, len(use) // 10)]
    for done, line in enumerate(shown, 1):
        print(f"| {done * (len(use) // 10)} | {line['gpu_mb']:.1f} | {line['resident_mb']:.0f} |")
    growth = [shown[-1][name] - shown[0][name] for name in ("gpu_mb", "resident_mb")]
    print(f"\ngrowth after the first tenth: {growth[0]:+.1f} and {growth[1]:+.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["speed", "memory"], default="speed")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp16")
    parser.add_argument("--batch", type=int, default=HsmrOptions().batch_size)
    parser.add_argument("--in-hand", type=int, default=8, help="videos")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each clip")
    parser.add_argument("--rate", type=int, default=15, help="frames a second")
    parser.add_argument("--detector", help="'landmarks' or a folder; without it, a stand-in")
    parser.add_argument("--flip-every", type=int, default=HsmrOptions().flip_every)
    options = parser.parse_args()
    device: Device = "cuda" if torch.cuda.is_available() else "cpu"
    is_gpu = device == "cuda"
    height, width = (HEIGHT, WIDTH) if is_gpu else SMALL_PX
    print(f"{options.clips} clips of {options.seconds:g} s, {width} x {height}, ", end="")
    if is_gpu:
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    else:
        torch.set_num_threads(1)
        print(
            "NO GPU: a tiny network runs on the CPU, crop by crop. These are NOT the figures of "
            "the release's network; they show that the network does not wait.\n"
        )
    precision: Precision = options.precision if is_gpu else "fp32"
    network = random_network(*(OFFICIAL if is_gpu else TINY), device=device)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_weights(home / "weights", network)
        frames = round(options.seconds * options.rate)
        write_clips(
            home / "QEVD", options.clips, frames=frames, rate_hz=options.rate,
            height=height, width=width,
        )  # fmt: skip
        bench = Bench(
            home,
            HsmrOptions(
                weights=str(home / "weights"),
                detector=options.detector or "landmarks",
                device=device,
                precision=precision,
                batch_size=options.batch,
                flip_every=options.flip_every,
            ),
            prepare(network, precision),
            options.clips,
            stand_in=options.detector is None,
            threads=torch.get_num_threads(),
        )
        (memory if options.part == "memory" else speed)(bench, options.in_hand)


if __name__ == "__main__":
    main()
