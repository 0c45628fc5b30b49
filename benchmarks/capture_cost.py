"""What capture costs: against the detector alone, and in memory over ten minutes of video.

Run ``python -m benchmarks.capture_cost VIDEO [--minutes 10]``. Each measurement has a process of
its own. Compared are CPU seconds of all threads, of the main thread alone, which is what the
clock shows where a second core is free, and the clock itself, which counts on a quiet machine
only. ``capture, one thread`` decodes in the thread that detects. The long video repeats the given
one. With ``--replay`` only memory is measured, on one shot without cuts: the landmark
network is asked about the first 200 frames of whoever is followed, and its answers come again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import numpy as np

from qevd_bio.arrays import ByteArray
from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.detector.landmarks import PoseLandmarks
from qevd_bio.capture.detector.sampling import Region
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.synthetic.video import write_video

T = TypeVar("T")
CLOCKS = ("cpu_s", "main_s", "clock_s")


def most_memory_mb() -> float:
    """Most memory of this process; `getrusage` would count what its parent held."""
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024.0


def landmarks_alone(video: Path) -> int:
    """Decode and find landmarks, nothing else: the yardstick."""
    config = VideoConfig()
    with PoseLandmarker(config.person, follow=True) as landmarker:
        frames = 0
        for image in FrameStream(video, longest_side_px=config.longest_side_px):
            landmarker(image)
            frames += 1
    return frames


def whole_capture(video: Path) -> int:
    time_s, config = stored_times_s(video), MediaPipeConfig()
    return len(capture_motion(video, time_s, video_id=video.stem, config=config).motion.q)


@contextmanager
def in_one_thread(items: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """Compute items when they are asked for, in place of `prefetched`."""
    yield iter(items)


def capture_in_one_thread(video: Path) -> int:
    with patch("qevd_bio.capture.person.follow_person.prefetched", in_one_thread):
        return whole_capture(video)


MEASURES: dict[str, Callable[[Path], int]] = {
    "landmarks": landmarks_alone,
    "capture": whole_capture,
    "capture, one thread": capture_in_one_thread,
}


@contextmanager
def replayed_landmarks(frames: int = 200) -> Iterator[None]:
    """Repeat the landmarks of the first frames to and fro, as if the network had been asked."""
    answers: list[PoseLandmarks | None] = []
    asked, look = itertools.count(), PoseLandmarker.landmarks_in

    def again(self: PoseLandmarker, image: ByteArray, region: Region) -> PoseLandmarks | None:
        if not self._follow:
            return look(self, image, region)
        nth = next(asked)
        if nth < frames:
            answers.append(look(self, image, region))
            return answers[-1]
        answer = answers[to_and_fro(nth, frames)]
        return None if answer is None else replace(answer, **{
            name: getattr(answer, name).copy() for name in ("image_px", "world_m", "visibility")
        })  # fmt: skip

    with patch.object(PoseLandmarker, "landmarks_in", again):
        yield


def to_and_fro(nth: int, count: int) -> int:
    """Return the place of the nth of places that run from 0 to `count` - 1, back, and so on."""
    return count - 1 - abs(nth % (2 * count - 2) - (count - 1))


def measured(what: str, video: Path) -> dict[str, float]:
    """Run one measurement in a separate process."""
    command = [sys.executable, "-m", "benchmarks.capture_cost", str(video), "--measure", what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    held: dict[str, float] = json.loads(done.stdout)
    return held


def one_shot(video: Path, frames: int) -> Iterator[ByteArray]:
    """Play a video forwards and backwards, so that no picture jumps."""
    pictures = list(FrameStream(video, longest_side_px=480))
    return (pictures[to_and_fro(nth, len(pictures))] for nth in range(frames))


def repeated(video: Path, frames: int) -> Iterator[ByteArray]:
    sources = (iter(FrameStream(video, longest_side_px=480)) for _ in itertools.count())
    return itertools.islice(itertools.chain.from_iterable(sources), frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--measure", choices=[*MEASURES, "replayed"])
    parser.add_argument("--replay", action="store_true", help="memory only")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.video)))
        return
    print("| video | what | frames | CPU ms per frame | of it main thread | by the clock "
          "| peak memory, MB |\n|---|---|---|---|---|---|---|")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        videos = {options.video.name: options.video}
        if options.minutes:
            long = Path(folder) / "long.mp4"
            rate = round(1.0 / float(np.median(np.diff(stored_times_s(options.video)))))
            frames = round(60 * options.minutes * rate)
            pictures = (one_shot if options.replay else repeated)(options.video, frames)
            write_video(long, pictures, rate)
            videos[f"{options.minutes:g} minutes of it"] = long
        for name, video in videos.items():
            compare(name, video, ["replayed"] if options.replay else list(MEASURES))


def measure(what: str, video: Path) -> dict[str, float]:
    """Run one measurement in this process."""
    clocks = (time.process_time, time.thread_time, time.perf_counter)
    start = [clock() for clock in clocks]
    with replayed_landmarks() if what == "replayed" else nullcontext():
        frames = MEASURES.get(what, whole_capture)(video)
    spent = [clock() - since for clock, since in zip(clocks, start, strict=True)]
    return {"frames": frames, "peak_mb": most_memory_mb()} | dict(zip(CLOCKS, spent, strict=True))


def compare(name: str, video: Path, measures: list[str]) -> None:
    """Print a row of each measurement, and its rate as a share of the first one's."""
    bare: dict[str, float] = {}
    for what in measures:
        got = measured(what, video)
        each = {clock: 1000 * got[clock] / got["frames"] for clock in CLOCKS}
        bare = bare or each
        cells = " | ".join(f"{each[one]:.1f} ({bare[one] / each[one]:.2f})" for one in CLOCKS)
        row = f"| {name} | {what} | {got['frames']} | {cells} | {got['peak_mb']:.0f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
