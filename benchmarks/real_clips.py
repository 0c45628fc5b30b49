"""Real clips from pixels to repetitions, as they are and as other cameras would store them.

Run ``python -m benchmarks.real_clips --data DIR --cache DIR``; DIR of the data holds
videos/reps.json and the clips. Each clip is captured as it is, stored sideways, mirrored, at half
the resolution and at half the frame rate (15 of about 30). Captured motions are kept in the cache
folder, which has to be emptied when capture changes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.repetitions import overlap
from qevd_bio.arrays import ByteArray
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import measure_values
from qevd_bio.synthetic.video import write_video
from qevd_bio.tables.kinematics import SCHEMA, motion_from_table, motion_table
from qevd_bio.tables.parquet import read_parquet, write_parquet

RULES = {
    "squat": "squat",
    "air squat": "squat",
    "forward lunge (alternating)": "walking_lunges",
    "jumping jacks": "jumping_jack",
    "elbow plank": "plank",
    "declined push-up": "pushup",
}
Picture = ByteArray
VARIANTS: dict[str, tuple[int, Callable[[Picture], Picture]]] = {
    "as it is": (1, lambda picture: picture),
    "stored sideways": (1, np.rot90),
    "mirrored": (1, lambda picture: picture[:, ::-1]),
    "half the resolution": (
        1,
        lambda p: (
            p[: len(p) // 4 * 4, : p.shape[1] // 4 * 4]
            .reshape(len(p) // 4 * 2, 2, p.shape[1] // 4 * 2, 2, 3)
            .mean(axis=(1, 3))
            .astype(np.uint8)
        ),
    ),
    "15 frames per second": (2, lambda picture: picture),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One clip stored in one way."""

    clip: Path
    rate_hz: float
    variant: str
    cache: Path

    @property
    def kinematics(self) -> Path:
        """Where the captured motion is kept."""
        return self.cache / f"{self.clip.stem}-{self.variant.replace(' ', '_')}.parquet"


def _even(picture: Picture) -> Picture:
    return picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]


def captured(job: Job) -> Path:
    """Write the clip in its variant, capture it, keep the motion."""
    if job.kinematics.exists():
        return job.kinematics
    step, change = VARIANTS[job.variant]
    if job.variant == "15 frames per second":
        step = max(1, round(job.rate_hz / 15))
    times, video = [], job.kinematics.with_suffix(".mp4")

    def pictures() -> Iterator[Picture]:
        for i, picture in enumerate(FrameStream(job.clip)):
            if i % step == 0:
                times.append(i / job.rate_hz)
                yield _even(np.ascontiguousarray(change(picture)))

    write_video(video, pictures(), round(job.rate_hz / step))
    config = MediaPipeConfig()
    found = capture_motion(video, np.array(times), video_id=job.clip.stem, config=config)
    table, notes = motion_table(job.clip.stem, found.motion)
    write_parquet(table, job.kinematics, notes=notes)
    return job.kinematics


def counted(motion: Motion, rule_id: str) -> list[tuple[float, float, float]]:
    """Return start, key and end in seconds of the cycles of a whole clip."""
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    rule = load_rules()[rule_id]
    found = segment_cycles(motion, rule, 0, len(motion.time_s), skeleton)
    return [(s.cycle.start_s, s.cycle.key_s, s.cycle.end_s) for s in found.cycles]


def key_values_deg(motion: Motion, rule_id: str) -> list[float]:
    """Return the representative measure at each cycle's extreme: the mean of both sides."""
    rule = load_rules()[rule_id]
    side, measure = rule.representative.side, rule.representative.measure
    names = [measure] if side == "none" else [f"{measure}_{s}" for s in "rl"]
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    values = measure_values(names, motion.q, skeleton, motion.gravity)
    joined = np.array([values[name] for name in names])
    curve = joined.mean(axis=0) if side == "mean" else joined.max(axis=0)
    return [float(np.interp(key, motion.time_s, curve)) for _, key, _ in counted(motion, rule_id)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    clips = json.loads((options.data / "videos" / "reps.json").read_text())
    jobs = [
        Job(options.data / "videos" / clip["file"], clip["fps"], variant, options.cache)
        for clip in clips
        for variant in VARIANTS
    ]
    with ProcessPoolExecutor(options.workers) as pool:
        list(pool.map(captured, jobs))
    print("| clip | known | variant | found | overlap with the marks | extreme, degrees |")
    print("|---|---|---|---|---|---|")
    for clip in clips:
        rule_id = RULES[clip["exercise"]]
        for job in (job for job in jobs if job.clip.name == clip["file"]):
            motion = motion_from_table(read_parquet(job.kinematics, SCHEMA))
            cycles, extremes = counted(motion, rule_id), key_values_deg(motion, rule_id)
            marks = [(m["start"], m["end"]) for m in clip.get("rep_intervals_s") or []]
            best = [max((overlap((c[0], c[2]), m) for c in cycles), default=0.0) for m in marks]
            known = f"{clip['reps']}" if rule_id != "plank" else "one hold"
            print(
                f"| {clip['file']} | {known} | {job.variant} | {len(cycles)} "
                f"| {f'{np.median(best):.2f}' if best else '-'} "
                f"| {' '.join(f'{value:.0f}' for value in extremes)} |"
            )


if __name__ == "__main__":
    main()
