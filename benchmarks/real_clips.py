"""Real clips from pixels to repetitions, as they are and as other cameras would store them.

Run ``python -m benchmarks.real_clips --data DIR --cache DIR``; DIR of the data holds
videos/reps.json with its clips, and the clips of videos2, counted below. Each clip is captured as
it is, stored sideways, mirrored, at half the resolution and at half the frame rate (15 of about
30); ``--variant "as it is"`` takes the first alone. Landmarks are kept in the cache folder, which
has to be emptied when the detector or the choice of the person changes.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.kept_landmarks import kept_landmarks
from benchmarks.repetitions import overlap
from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import measure_values
from qevd_bio.synthetic.video import write_video
from qevd_bio.views.analyse_file import analyse_file
from qevd_bio.views.analysed_video import AnalysedSegment, AnalysedVideo

NEAR_S = 0.5
"""A found extreme this near to a marked one is the same."""
RULES = {
    "squat": "squat",
    "air squat": "squat",
    "forward lunge (alternating)": "walking_lunges",
    "jumping jacks": "jumping_jack",
    "elbow plank": "plank",
    "declined push-up": "pushup",
}
Picture = ByteArray


@dataclass(frozen=True, slots=True)
class Counted:
    """One clip with the repetitions that people counted in it.

    `marks_s` are starts and ends, `extremes_s` the times of the extremes; either may be absent.
    """

    file: Path
    rule_id: str
    repetitions: int
    marks_s: tuple[tuple[float, float], ...] = ()
    extremes_s: tuple[float, ...] = ()


_VIDEOS2 = (
    ("v_inclined_pushups.mp4", "pushup", 9, (1.0, 2.3, 3.5, 4.9, 6.2, 7.5, 8.9, 10.3, 11.6)),
    ("m_jacks.mp4", "jumping_jack", 19, ()),
    ("i_squat.mp4", "squat", 3, (5.5, 15.5, 23.2)),
    ("j_pushup.mp4", "pushup", 12,
     (4.6, 8.0, 11.2, 14.3, 17.4, 20.5, 23.8, 26.7, 29.7, 32.7, 36.0, 39.3)),
    ("h_squat.mp4", "squat", 4, ()),
)  # fmt: skip
"""File, rule, repetitions and seconds of the extremes, by the notes that come with the clips."""

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

    clip: Counted
    variant: str
    cache: Path

    @property
    def landmarks(self) -> Path:
        """Where its landmarks are kept."""
        return self.cache / f"{self.clip.file.stem}-{self.variant.replace(' ', '_')}.npz"


def _even(picture: Picture) -> Picture:
    return picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]


def counted_clips(data: Path) -> list[Counted]:
    """List the clips of both folders."""
    first = [
        Counted(
            data / "videos" / clip["file"],
            RULES[clip["exercise"]],
            clip["reps"],
            tuple((m["start"], m["end"]) for m in clip.get("rep_intervals_s") or ()),
            tuple(clip.get("turning_points_s") or ()),
        )
        for clip in json.loads((data / "videos" / "reps.json").read_text())
    ]
    second = [
        Counted(data / "videos2" / file, rule_id, repetitions, (), extremes_s)
        for file, rule_id, repetitions, extremes_s in _VIDEOS2
    ]
    return first + second


def analysed(job: Job) -> AnalysedVideo:
    """Write the clip in its variant and analyse it as a single video file."""
    video, rule = job.clip.file, load_rules()[job.clip.rule_id]
    if job.variant != "as it is":
        video = job.landmarks.with_suffix(".mp4")
        rate_hz = 1.0 / float(np.median(np.diff(stored_times_s(job.clip.file))))
        step, change = VARIANTS[job.variant]
        if job.variant == "15 frames per second":
            step = max(1, round(rate_hz / 15))
        pictures = (
            _even(np.ascontiguousarray(change(picture)))
            for picture in islice(FrameStream(job.clip.file), 0, None, step)
        )
        write_video(video, pictures, round(rate_hz / step))
    with kept_landmarks(job.landmarks):
        return analyse_file(video, rule)


def key_values_deg(motion: Motion, rule: Rule, keys_s: FloatArray) -> FloatArray:
    """Return the representative measure at each cycle's extreme: the mean of both sides."""
    side, measure = rule.representative.side, rule.representative.measure
    names = [measure] if side == "none" else [f"{measure}_{s}" for s in "rl"]
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    values = measure_values(names, motion.q, skeleton, motion.gravity)
    joined = np.array([values[name] for name in names])
    curve = joined.mean(axis=0) if side == "mean" else joined.max(axis=0)
    return np.interp(keys_s, motion.time_s, curve)


def violations(segment: AnalysedSegment) -> str:
    """Name the constraints found violated, and in how many cycles and sides."""
    found = Counter(one.constraint_id for one in segment.findings if one.violated)
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items())) or "-"


def row(job: Job) -> str:
    """Lay one clip in one variant out as a row of the table."""
    clip, video = job.clip, analysed(job)
    motion, segment = video.motion, video.segments[0]
    cycles = segment.cycles
    keys_s = np.array([cycle.key_s for cycle in cycles])
    best = [max((overlap((one.start_s, one.end_s), m) for one in cycles), default=0.0)
            for m in clip.marks_s]  # fmt: skip
    off_s = [np.abs(keys_s - motion.time_s[0] - at).min(initial=np.inf) for at in clip.extremes_s]
    extremes = key_values_deg(motion, load_rules()[clip.rule_id], keys_s)
    cells = [
        clip.file.name,
        "one hold" if clip.rule_id == "plank" else f"{clip.repetitions}",
        job.variant,
        f"{len(cycles)}",
        f"{np.median(best):.2f}" if best else "-",
        f"{sum(off <= NEAR_S for off in off_s)} of {len(off_s)}" if off_s else "-",
        f"{motion.valid.mean():.0%}",
        " ".join(f"{value:.0f}" for value in extremes) or "-",
        violations(segment),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--variant", choices=list(VARIANTS), action="append")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    variants = options.variant or list(VARIANTS)
    clips = counted_clips(options.data)
    jobs = [Job(clip, variant, options.cache) for clip in clips for variant in variants]
    print("| clip | known | variant | found | overlap with the marks | extremes within "
          f"{NEAR_S:g} s | valid | extreme, degrees | violated |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(options.workers) as pool:
        for line in pool.map(row, jobs):
            print(line, flush=True)


if __name__ == "__main__":
    main()
