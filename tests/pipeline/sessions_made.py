"""Sessions without pixels: QEVD records, and the motion that a capture would have found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.capture.captured import Captured
from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.skeleton.dofs import DOF_INDEX

FRAMES = 420
FIRST_NS, FRAME_NS = 1_600_523_677_967_353_856, 64_000_128
SHIFTED_NS = FIRST_NS + np.arange(FRAMES) * FRAME_NS
TIMES_S = frame_times_s(SHIFTED_NS, where="made up")
PERIOD_S = 2.4
LENGTHS_M = {
    "thigh": 0.42,
    "shank": 0.41,
    "foot": 0.2,
    "trunk": 0.5,
    "upper_arm": 0.3,
    "forearm": 0.26,
    "hip_width": 0.2,
    "shoulder_width": 0.36,
}
SPLIT = "QEVD-FIT-COACH"

Said = tuple[int, str, int, bool]
"""First frame, text, frames, is_transition."""

SQUATS: list[Said] = [
    (5, "First up are squats!", 12, True),
    (150, "Sink deeper into these squats", 20, False),
    (190, "Lovely!", 10, False),
    (220, "Moving on to zorbing!", 12, True),
    (300, "Sink deeper into these squats", 20, False),
    (400, "That's it for today!", 12, True),
]


def record(video: str, said: list[Said]) -> dict[str, Any]:
    """A record with utterances that begin at given frames."""
    dense = [""] * FRAMES
    for frame, text, frames, _ in said:
        dense[frame : frame + frames] = [text] * frames
    return {
        "long_range_video_file": f"./long_range_videos/{video}.mp4",
        "video_timestamps": f"./long_range_videos/{video}_timestamps.npy",
        "feedbacks": dense,
        "feedback_timestamps": [float(TIMES_S[frame]) for frame, *_ in said],
        "is_transition": [is_transition for *_, is_transition in said],
    }


def write_root(root: Path, records: list[Any], split: str = SPLIT) -> Path:
    """Write records and frame times; videos are placeholders that are never decoded."""
    videos = root / split / "long_range_videos"
    videos.mkdir(parents=True, exist_ok=True)
    text = json.dumps(records, ensure_ascii=False)
    (root / split / "feedbacks_long_range.json").write_text(text, encoding="utf-8")
    for one in records:
        if isinstance(one, dict) and "long_range_video_file" in one:
            stem = Path(one["long_range_video_file"]).stem
            (videos / f"{stem}.mp4").write_bytes(b"placeholder")
            np.save(videos / f"{stem}_timestamps.npy", SHIFTED_NS)
    return root


def squats_motion(depth: float, times_s: np.ndarray = TIMES_S) -> Motion:
    """Squats from the first frame to the last; `depth` scales the angles of the reference."""
    frames = len(times_s)
    reference = build_reference(load_rules()["squat"])
    phase = (times_s - times_s[0]) / PERIOD_S % 1.0
    grid = np.linspace(0.0, 1.0, len(reference))
    q = depth * np.stack([np.interp(phase, grid, column) for column in reference.T], axis=1)
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    return Motion(
        q=q,
        time_s=times_s,
        confidence=np.full(frames, 0.9),
        valid=np.ones(frames, dtype=bool),
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, np.deg2rad(2.0)),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m=LENGTHS_M,
    )


def captured(depth: float):
    """Replacements for the capture of pixels."""

    def capture(path, times_s, *, video_id, config, exercises=()):
        return Captured(motion=squats_motion(depth, times_s), notes={"turn_deg": 0})

    return capture


def with_readers(stages: Iterable[Stage], *units: tuple[str, str]) -> set[tuple[str, str]]:
    """Units, by video and stage, and those that depend on what they write."""
    found = set(units)
    for stage in stages:
        found |= {(video, stage.name) for video, other in set(found) if other in stage.reads}
    return found
