"""How fast HSMR's whole pipeline runs beside the network alone, and whether memory stays flat.

Run ``python -m benchmarks.hsmr_pipeline [--part speed|memory]``. Videos are decoded, a person is
found (by a stand-in that costs nothing, or by the detector named), cropped, batched across videos
and taken through the network with random weights of the release's size. Without a GPU a tiny
network replaces it and the table states this.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.hsmr_made import (
    HEIGHT,
    OFFICIAL,
    RATE_HZ,
    TINY,
    WIDTH,
    made_crops,
    made_frames,
    synchronize,
)
from benchmarks.random_network import random_network
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected, PersonDetector
from qevd_bio.capture.hsmr.detector_choice import DetectorChoice
from qevd_bio.capture.hsmr.device import HsmrOnDevice
from qevd_bio.capture.hsmr.estimate import estimate_person
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.hsmr.predict import predict
from qevd_bio.capture.video.decode import FrameStream, RgbImage
from qevd_bio.choices import Device, Precision
from qevd_bio.synthetic.video import write_video

PICTURES = 16


class StandIn:
    """Finds a person in the middle of each picture, for nothing."""

    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find the same box everywhere."""
        box = np.array([[0.35 * WIDTH, 0.1 * HEIGHT, 0.65 * WIDTH, 0.95 * HEIGHT]])
        return [Detected(box, np.array([0.9]))] * len(images)

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement needs."""

    hsmr: HsmrOnDevice
    config: HsmrConfig
    detectors: Callable[[], PersonDetector] | None
    video: Path
    at_once: int

    def detector(self) -> PersonDetector:
        """Give the detector of one video."""
        return StandIn() if self.detectors is None else self.detectors()

    def watch(self, videos: int) -> int:
        """Take copies of the video through the pipeline; return crops that went through."""

        def one(_: int) -> int:
            detector = self.detector()
            track = estimate_person(FrameStream(self.video), detector, self.hsmr, self.config)
            detector.close()
            return int(track.found.sum() + np.isfinite(track.mirrored_q[:, 0]).sum())

        with ThreadPoolExecutor(self.at_once) as pool:
            return sum(pool.map(one, range(videos)))


def made_pipeline(
    network: HsmrNetwork,
    device: Device,
    precision: Precision,
    video: Path,
    *,
    batch: int,
    at_once: int,
    flip_every: int = HsmrConfig().flip_every,
    detector: str | None = None,
) -> Bench:
    """Set a network up for several copies of a video at once."""
    config = HsmrConfig(
        precision=precision,
        batch_size=batch,
        flip_every=flip_every,
        video=VideoConfig(longest_side_px=max(WIDTH, HEIGHT), turn=TurnConfig(fixed_deg=0)),
    )
    choice = DetectorChoice.named(detector) if detector else None
    return Bench(
        hsmr=HsmrOnDevice(network, config, device),
        config=config,
        detectors=choice.load(config.video.person, device) if choice else None,
        video=video,
        at_once=at_once,
    )


def speed(bench: Bench, videos: int) -> None:
    """Compare crops a second of the pipeline and of its own network on crops that lie ready."""
    bench.watch(bench.at_once)
    synchronize(bench.hsmr.device)
    start = time.perf_counter()
    crops = bench.watch(videos)
    synchronize(bench.hsmr.device)
    pipeline = crops / (time.perf_counter() - start)
    ready = made_crops(bench.hsmr.batches.size).to(bench.hsmr.device)
    rounds = max(3, crops // len(ready))
    for _ in range(3):
        predict(bench.hsmr.network, ready, bench.config.precision)
    synchronize(bench.hsmr.device)
    start = time.perf_counter()
    for _ in range(rounds):
        predict(bench.hsmr.network, ready, bench.config.precision).q.cpu()
    alone = rounds * len(ready) / (time.perf_counter() - start)
    kinds = "shared" if bench.hsmr.batches.shared else "not shared (positions in a batch matter)"
    print("| what | crops a second | how |\n|---|---|---|")
    print(f"| whole pipeline | {pipeline:,.0f} | {bench.at_once} videos at once, {kinds} |")
    print(f"| network alone | {alone:,.0f} | batches of {len(ready)} |")
    print(f"| pipeline / network | {pipeline / alone:.0%} | bar: 70 % |")


def memory(bench: Bench, minutes: int) -> None:
    """Print the peaks of each minute of video that goes through."""
    frames = sum(1 for _ in FrameStream(bench.video))
    peaks: list[tuple[float, float]] = []
    is_gpu = bench.hsmr.device.type == "cuda"
    print("| minute of video | most on the GPU, MB | most resident so far, MB |\n|---|---|---|")
    for minute in range(1, minutes + 1):
        if is_gpu:
            torch.cuda.reset_peak_memory_stats(bench.hsmr.device)
        bench.watch(-(-60 * RATE_HZ // frames))
        on_gpu = torch.cuda.max_memory_allocated(bench.hsmr.device) / 1e6 if is_gpu else 0.0
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        peaks.append((on_gpu, resident))
        print(f"| {minute} | {on_gpu:.1f} | {resident:.0f} |", flush=True)
    growth = [max(column) - column[0] for column in zip(*peaks, strict=True)]
    print(f"\nlargest growth after the first minute: {growth[0]:+.1f} and {growth[1]:+.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["speed", "memory"], default="speed")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp16")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--at-once", type=int, default=8, help="videos")
    parser.add_argument("--videos", type=int, default=32, help="for speed")
    parser.add_argument("--frames", type=int, default=300, help="of each video")
    parser.add_argument("--minutes", type=int, default=60, help="of video, for memory")
    parser.add_argument("--detector", help="'landmarks' or a folder; without it, a stand-in")
    parser.add_argument("--flip-every", type=int, default=HsmrConfig().flip_every)
    options = parser.parse_args()
    device: Device = "cuda" if torch.cuda.is_available() else "cpu"
    is_gpu = device == "cuda"
    if is_gpu:
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    else:
        torch.set_num_threads(1)
        print(
            "NO GPU: a tiny network runs on the CPU, crop by crop. These are NOT the figures of "
            "the release's network; they only show that the script runs.\n"
        )
    network = random_network(*(OFFICIAL if is_gpu else TINY), device=device)
    with tempfile.TemporaryDirectory() as folder:
        video, pictures = Path(folder) / "made.mp4", made_frames(1, HEIGHT, WIDTH)
        moving = (np.roll(pictures[0], 4 * (i % PICTURES), axis=1) for i in range(options.frames))
        write_video(video, moving, RATE_HZ)
        bench = made_pipeline(
            network,
            device,
            options.precision if is_gpu else "fp32",
            video,
            batch=options.batch,
            at_once=options.at_once,
            flip_every=options.flip_every,
            detector=options.detector,
        )
        if options.part == "memory":
            memory(bench, options.minutes)
        else:
            speed(bench, options.videos)


if __name__ == "__main__":
    main()
