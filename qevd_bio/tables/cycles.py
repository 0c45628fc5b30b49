"""The table of cycles: one row a repetition, half repetition or hold."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.motion.cycle_score import CycleScore
from qevd_bio.motion.repetitions.cycles import Cycle
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

HOLD_IN_PROGRESS = "hold_in_progress"
"""A hold that goes on at the moment of its row; its cycle is the part so far."""

KINDS_SO_FAR = ("cycle", "half", "hold", HOLD_IN_PROGRESS)
"""Kinds in tables with rows that are tied to a moment."""

_PLACES = ("start", "key", "end")

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
        column(
            "counted",
            pa.string(),
            "full, or cut: counted although the recording shows a part of it only",
        ),
        column("frame_start", pa.int32(), "First frame", unit="frames"),
        column("frame_key", pa.int32(), "Key frame: the extreme of the movement", unit="frames"),
        column("frame_end", pa.int32(), "Last frame, inclusive", unit="frames"),
        column("start_s", pa.float64(), "Time of the first frame", unit="s"),
        column("key_s", pa.float64(), "Time of the key frame", unit="s"),
        column("end_s", pa.float64(), "Time of the last frame", unit="s"),
        column("video_start_s", pa.float64(), "start_s since the video's first frame", unit="s"),
        column("video_key_s", pa.float64(), "key_s since the video's first frame", unit="s"),
        column("video_end_s", pa.float64(), "end_s since the video's first frame", unit="s"),
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
    choices={
        "kind": ("cycle", "half", "hold"),
        "side": SIDES,
        "cut": ("start", "end"),
        "counted": ("full", "cut"),
    },
    not_after=(
        ("frame_start", "frame_key"),
        ("frame_key", "frame_end"),
        ("start_s", "key_s"),
        ("key_s", "end_s"),
    ),
    references=tuple(
        Reference(
            (f"frame_{one}",),
            "kinematics",
            ("frame",),
            copies={f"{one}_s": "time_s", f"video_{one}_s": "video_time_s"},
        )
        for one in _PLACES
    ),
)


def video_columns(cycle: Cycle, first_s: float) -> dict[str, float]:
    """Return the times of a cycle since the first frame of its video, which is at `first_s`."""
    return {f"video_{one}_s": getattr(cycle, f"{one}_s") - first_s for one in _PLACES}


def kind_so_far(cycle: Cycle) -> str:
    """Name the kind of a cycle as it is known at a moment, see `KINDS_SO_FAR`."""
    is_held = cycle.kind == "hold" and cycle.cut == "end"
    return HOLD_IN_PROGRESS if is_held else cycle.kind


def score_columns(score: CycleScore | None) -> dict[str, float | None]:
    """Return a score as columns; all null when there was nothing to compare."""
    return {
        "quality": score.total if score else None,
        "quality_cosine": score.cosine if score else None,
        "quality_pearson": score.pearson if score else None,
        "quality_velocity": score.velocity if score else None,
        "quality_amplitude": score.amplitude if score else None,
    }
