"""The table of cycles: one row a repetition, half repetition or hold."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.motion.cycle_score import CycleScore
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.published_table import Limit, PublishedTable, Reference

QUALITY_FIELDS: list[pa.Field] = [
    column(name, pa.float64(), f"{text}, 0 to 1; null: nothing to compare", nullable=True)
    for name, text in (
        ("quality", "Cycle quality score"),
        ("quality_cosine", "Cosine part of the quality"),
        ("quality_pearson", "Correlation part of the quality"),
        ("quality_velocity", "Velocity part of the quality"),
        ("quality_amplitude", "Range of motion part of the quality"),
    )
]

KEY = ("segment_index", "cycle_index")
"""Columns that name a cycle of a video."""

SIDES = ("r", "l")

SCHEMA: pa.Schema = versioned(
    "cycles",
    [
        column("video_id", pa.string(), "Video the cycle belongs to"),
        column("segment_index", pa.int32(), "Exercise segment of the session, from 0"),
        column("cycle_index", pa.int32(), "Cycle of the segment, from 0, in time order"),
        column("exercise", pa.string(), "Rule the cycle was found with"),
        column("kind", pa.string(), "cycle, half (one side of an alternating movement) or hold"),
        column("side", pa.string(), "Leading side, r or l; null when none leads", nullable=True),
        column(
            "cut",
            pa.string(),
            "start or end: not seen, so its phase and the duration are unknown",
            nullable=True,
        ),
        column("frame_start", pa.int32(), "First frame", unit="frames"),
        column("frame_key", pa.int32(), "Key frame: the extreme of the movement", unit="frames"),
        column("frame_end", pa.int32(), "Last frame, inclusive", unit="frames"),
        column("start_s", pa.float64(), "Time of the first frame", unit="s"),
        column("key_s", pa.float64(), "Time of the key frame", unit="s"),
        column("end_s", pa.float64(), "Time of the last frame", unit="s"),
        *QUALITY_FIELDS,
        column("rule_version", pa.int32(), "Version of the exercise rule"),
    ],
)

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row a repetition, half repetition or hold.",
    since="1.0.0",
    required=True,
    order=("video_id", *KEY),
    key=("video_id", *KEY),
    renumbered=True,
    limits=(Limit("quality*", 0.0, 1.0),),
    choices={"kind": ("cycle", "half", "hold"), "side": SIDES, "cut": ("start", "end")},
    not_after=(
        ("frame_start", "frame_key"),
        ("frame_key", "frame_end"),
        ("start_s", "key_s"),
        ("key_s", "end_s"),
    ),
    references=tuple(
        Reference((f"frame_{one}",), "kinematics", ("frame",), copies={f"{one}_s": "time_s"})
        for one in ("start", "key", "end")
    ),
)


def score_columns(score: CycleScore | None) -> dict[str, float | None]:
    """Return a score as columns; all null when there was nothing to compare."""
    return {
        "quality": score.total if score else None,
        "quality_cosine": score.cosine if score else None,
        "quality_pearson": score.pearson if score else None,
        "quality_velocity": score.velocity if score else None,
        "quality_amplitude": score.amplitude if score else None,
    }
