"""How fast and how exact HSMR's network runs, with random weights of the release's size.

Run ``python -m benchmarks.hsmr_gpu [--part speed|memory|precision]``. Speed and memory need a
GPU to mean anything: without one a tiny network replaces it and the table states this. Precision
takes the full size on any device; on the CPU it is a minute or two for three crops.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

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
from qevd_bio.capture.hsmr.crops import crop, squares, windows
from qevd_bio.capture.hsmr.network import N_PATCHES, PATCH_PX, HsmrNetwork
from qevd_bio.capture.hsmr.predict import Prediction, predict, prepare
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.choices import Precision
from qevd_bio.synthetic.video import write_video
from qevd_bio.weights.hsmr_shapes import (
    OFFICIAL_SIZE,
    HsmrSize,
)

NAMED_GFLOP = 251.0
"""A crop's arithmetic as the bar counts it: keys and values of each patch formed in the head."""

PEAK_TFLOPS = (
    ("H100 PCIe", 756.0),
    ("H100", 989.0),
    ("H200", 989.0),
    ("A100", 312.0),
)
"""Dense 16-bit peaks by part of the device's name, as the maker gives them; unverified here."""

FRAMES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement needs.

    Attributes
    ----------
    network : HsmrNetwork
        On the device, prepared for the precision.
    frames : Tensor (F, H, W, 3)
        uint8, on the device.
    video : Path
        The same frames, repeated, as a file.
    """

    network: HsmrNetwork
    device: torch.device
    precision: Precision
    batch: int
    seconds: float
    threads: int
    frames: Tensor
    video: Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of speeds."""

    what: str
    per_second: float
    note: str


def rate(bench: Bench, work: Callable[[], int]) -> float:
    """Repeat work that counts what it did: wall seconds on a GPU, CPU seconds without."""
    clock = time.perf_counter if bench.device.type == "cuda" else time.process_time
    for _ in range(3):
        work()
    synchronize(bench.device)
    done, rounds, start = 0, 0, clock()
    while clock() - start < bench.seconds:
        done += work()
        rounds += 1
        if rounds % 4 == 0:  # else the queue runs seconds ahead of the device
            synchronize(bench.device)
    synchronize(bench.device)
    return done / (clock() - start)


def made_boxes(count: int, height: int, width: int, seed: int = 1) -> np.ndarray:
    """Draw boxes of standing and lying people, some beyond the frame's edge."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform([0.2 * width, 0.4 * height], [0.8 * width, 0.6 * height], (count, 2))
    half = rng.uniform([0.1 * width, 0.2 * height], [0.2 * width, 0.5 * height], (count, 2))
    return np.concatenate([centre - half, centre + half], axis=1)


def decoding(bench: Bench) -> Row:
    """Decode copies of the video to RGB, each in a separate thread."""

    def one(_: int) -> int:
        return sum(1 for _ in FrameStream(bench.video))

    with ThreadPoolExecutor(bench.threads) as pool:
        frames = rate(bench, lambda: sum(pool.map(one, range(bench.threads))))
    return Row("decode to RGB", frames, f"{WIDTH} x {HEIGHT}, {bench.threads} threads")


def cropping(bench: Bench) -> Row:
    """Cut and resize people out of frames that lie on the device."""
    boxes = made_boxes(bench.batch, HEIGHT, WIDTH)
    of_frame = np.arange(bench.batch) % len(bench.frames)

    def work() -> int:
        return len(crop(bench.frames, of_frame, windows(squares(boxes))))

    return Row("crop", rate(bench, work), f"from {WIDTH} x {HEIGHT}, batches of {bench.batch}")


def running_network(bench: Bench) -> Row:
    """Normalise crops, run the network, decode the angles."""
    crops = made_crops(bench.batch).to(bench.device)

    def work() -> int:
        return len(predict(bench.network, crops, bench.precision).q)

    return Row("network", rate(bench, work), f"{bench.precision}, batches of {bench.batch}")


MEASUREMENTS: tuple[Callable[[Bench], Row], ...] = (decoding, cropping, running_network)
"""In the order of the table."""


def executed_gflop(size: HsmrSize) -> float:
    """Count the backbone's multiply-adds of one crop twice; the head's are below a thousandth."""
    embedding = 3 * PATCH_PX**2 * size.width
    matrices = 4 * size.width**2 + 2 * size.width * size.hidden
    attention = 2 * N_PATCHES * size.width
    return 2e-9 * N_PATCHES * (embedding + size.depth * (matrices + attention))


def peak_tflops(device: torch.device, given: float | None) -> float | None:
    if given is not None or device.type != "cuda":
        return given
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAK_TFLOPS if part in name), None)


def speed(bench: Bench, peak: float | None) -> None:
    rows = [measure(bench) for measure in MEASUREMENTS]
    print("| what | per second | how |\n|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.per_second:,.0f} | {row.note} |")
    crops = next(row.per_second for row in rows if row.what == "network")
    if peak is None:
        return
    counted = [(executed_gflop(bench.network.size), "executed")]
    if bench.network.size == OFFICIAL_SIZE:
        counted.append((NAMED_GFLOP, "as the bar counts"))
    for gflop, how in counted:
        share = crops * gflop / 1000 / peak
        print(f"| share of {peak:g} TFLOP/s | {share:.1%} | {gflop:.3g} GFLOP a crop {how} |")


def memory(bench: Bench, minutes: int) -> None:
    """Print the peak of each minute of video at 30 frames a second."""
    if bench.device.type != "cuda":
        print("GPU memory cannot be measured without a GPU.")
        return
    boxes = made_boxes(bench.batch, HEIGHT, WIDTH)
    of_frame = np.arange(bench.batch) % len(bench.frames)
    peaks: list[int] = []
    for _ in range(minutes):
        torch.cuda.reset_peak_memory_stats(bench.device)
        for _ in range(-(-60 * RATE_HZ // bench.batch)):
            crops = crop(bench.frames, of_frame, windows(squares(boxes)))
            predict(bench.network, crops, bench.precision)
        synchronize(bench.device)
        peaks.append(torch.cuda.max_memory_allocated(bench.device))
    print("| minute of video | peak, MB |\n|---|---|")
    for minute, peak in enumerate(peaks, start=1):
        print(f"| {minute} | {peak / 1e6:.1f} |")
    print(f"\nlargest growth after the first minute: {(max(peaks) - peaks[0]) / 1e6:+.1f} MB")


def precision(device: torch.device, crops: int, seed: int, gain: float) -> None:
    """Compare 16-bit backbones of the release's size with single precision."""
    network = random_network(seed=seed, gain=gain, device=device)
    pictures = made_crops(crops).to(device)

    def predicted(how: Precision) -> Prediction:
        # crop by crop, so that memory stays near that of the weights
        parts = [predict(network, one[None], how) for one in pictures]
        fields = ("q", "betas", "camera", "finite")
        return Prediction(*(torch.cat([getattr(p, f) for p in parts]) for f in fields))

    exact = predicted("fp32")
    spread = float(exact.q.std(dim=0).mean())
    print(f"{crops} crops on {device}, seed {seed}, gain {gain:g}; ", end="")
    print(f"angles differ between crops by {spread:.1e} rad (standard deviation)\n")
    print("| backbone | mean angle error, rad | max, rad | max of shape | not finite |")
    print("|---|---|---|---|---|")
    for how in ("fp16", "bf16"):
        rounded = predicted(how)
        error = (rounded.q - exact.q).abs()
        error = torch.minimum(error, (2 * torch.pi - error).abs())
        shape = float((rounded.betas - exact.betas).abs().max())
        print(
            f"| {how} | {float(error.mean()):.2e} | {float(error.max()):.2e} | {shape:.2e} "
            f"| {int((~rounded.finite).sum())} of {crops} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["speed", "memory", "precision"], default="speed")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp16")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each speed")
    parser.add_argument("--threads", type=int, default=8, help="that decode")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--peak-tflops", type=float, help="dense 16-bit peak of the device")
    parser.add_argument("--minutes", type=int, default=60, help="of video, for memory")
    parser.add_argument("--crops", type=int, default=3, help="for precision")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gain", type=float, default=1.0, help="of the random matrices")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if options.part == "precision":
        precision(device, options.crops, options.seed, options.gain)
        return
    if device.type == "cuda":
        sizes, batch = OFFICIAL, options.batch
        print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}\n")
    else:
        sizes, batch = TINY, min(options.batch, 8)
        print(
            "NO GPU: a tiny network runs on the CPU, a second is a CPU second. These are NOT the "
            "figures of the release's network; they only show that the script runs.\n"
        )
    network = random_network(*sizes, seed=options.seed, device=device)
    with tempfile.TemporaryDirectory() as folder:
        video, pictures = Path(folder) / "made.mp4", made_frames(FRAMES_AT_ONCE, HEIGHT, WIDTH)
        write_video(video, (pictures[i % FRAMES_AT_ONCE] for i in range(60)), RATE_HZ)
        bench = Bench(
            network=prepare(network, options.precision, compiled=options.compile),
            device=device,
            precision=options.precision,
            batch=batch,
            seconds=options.seconds,
            threads=options.threads,
            frames=torch.from_numpy(pictures).to(device),
            video=video,
        )
        if options.part == "memory":
            memory(bench, options.minutes)
        else:
            speed(bench, peak_tflops(device, options.peak_tflops))


if __name__ == "__main__":
    main()
