"""Made-up QEVD records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.files.digest import sha256_json
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.record import Record

FRAME_NS = 64_000_128
FIRST_NS = 1_600_523_677_967_353_856


def made_timestamps(frames: int) -> np.ndarray:
    """Unevenly spaced, as a phone records them."""
    jitter = np.random.default_rng(frames).integers(-20_000, 20_000, frames) * 256
    return FIRST_NS + np.arange(frames, dtype=np.int64) * FRAME_NS + jitter


def made_raw(spoken: list[tuple[int, str, int, bool]], frames: int) -> dict[str, Any]:
    """A record with utterances (silent frames before, text, frames, is_transition)."""
    times_s = frame_times_s(made_timestamps(frames), where="made up")
    dense: list[str] = []
    stamps, flags = [], []
    for silence, text, length, transition in spoken:
        dense += [""] * silence
        stamps.append(float(times_s[len(dense)]))
        flags.append(transition)
        dense += [text] * length
    assert len(dense) <= frames
    return {
        "long_range_video_file": "./long_range_videos/0001.mp4",
        "video_timestamps": "./long_range_videos/0001_timestamps.npy",
        "feedbacks": dense + [""] * (frames - len(dense)),
        "feedback_timestamps": stamps,
        "is_transition": flags,
    }


def made_record(raw: dict[str, Any], times_s: np.ndarray | None) -> Record:
    """The record in memory, without files."""
    return Record(
        unit_id="0001",
        video_id="0001",
        split="train",
        video_file=Path("0001.mp4"),
        timestamps_file=Path("0001_timestamps.npy"),
        feedbacks=tuple(raw["feedbacks"]),
        feedback_timestamps=tuple(raw["feedback_timestamps"]),
        is_transition=tuple(raw["is_transition"]),
        times_s=times_s,
        issues=(),
        index=0,
        digest=sha256_json(raw),
    )


SESSION = [
    (5, "First up are squats!", 12, True),
    (9, "bend those knees", 10, False),
    (4, "nice", 6, False),
    (7, "Moving on to armcrosschest!", 11, True),
    (6, "hold it there", 9, False),
    (5, "Moving on to lunges - left!", 10, True),
    (3, "That was all!", 8, True),
]
SESSION_FRAMES = 120

WriteSplit = Callable[..., Path]
