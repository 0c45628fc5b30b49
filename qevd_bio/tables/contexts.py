"""The table of contexts: four rows a second, each with what was known at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.cycles import KINDS_SO_FAR, SIDES
from qevd_bio.tables.findings import FINDING_FIELDS
from qevd_bio.tables.published_table import Limit, PublishedTable, Reference

WHOLE_CLIP, PAST = "whole_clip", "past"
"""What the angles were estimated from."""


def angles_source(capture: Mapping[str, Any]) -> str:
    """Name what the angles of a frame were estimated from, given the notes of the capture."""
    return PAST if capture.get("is_causal") is True else WHOLE_CLIP


CYCLE: pa.DataType = pa.struct(
    [
        column("kind", pa.string(), "cycle, half, hold, or hold_in_progress: the part so far"),
        column("side", pa.string(), "Leading side, r or l; null when none leads", nullable=True),
        column(
            "cut",
            pa.string(),
            "start or end: not seen; end also of a hold in progress; else null",
            nullable=True,
        ),
        column("start_s", pa.float64(), "Time of its first frame", unit="s"),
        column("key_s", pa.float64(), "Time of its key frame", unit="s"),
        column("end_s", pa.float64(), "Time of its last frame", unit="s"),
        column("known_s", pa.float64(), "Time of the row that first knew it", unit="s"),
    ]
)

FINDING: pa.DataType = pa.struct(FINDING_FIELDS)

SCHEMA: pa.Schema = versioned(
    "contexts",
    [
        column("video_id", pa.string(), "Video the moment belongs to"),
        column("segment_index", pa.int32(), "Exercise segment of the session, from 0"),
        column("frame", pa.int32(), "Newest frame that was used", unit="frames"),
        column("time_s", pa.float64(), "Time of that frame on the source's clock", unit="s"),
        column("video_time_s", pa.float64(), "The same since the video's first frame", unit="s"),
        column("clip_s", pa.float64(), "The same since the segment's first frame", unit="s"),
        column("exercise_text", pa.string(), "Exercise as the trainer named it"),
        column("exercise", pa.string(), "Rule of that exercise; null: none", nullable=True),
        column("rule_version", pa.int32(), "Version of that rule; null: none", nullable=True),
        column(
            "phase",
            pa.string(),
            "Phase of the rule at this frame; null where it is not known",
            nullable=True,
        ),
        column("cycle_count", pa.int32(), "Cycles known by now; halves count one by one"),
        column(
            "is_refresh", pa.bool_(), "A cycle became known with this row, or a hold was checked"
        ),
        column("cycle", CYCLE, "The most recently completed cycle; null before it", nullable=True),
        column(
            "motion_context",
            pa.string(),
            "Pose state at this frame and violations of the last cycle known by then, in words",
        ),
        column("morphology_context", pa.string(), "Body measurements in words"),
        column(
            "salient_joints",
            pa.list_(pa.string()),
            "SKEL joints the segment is judged by, most important first, each with all its DoFs",
        ),
        column(
            "salient_source",
            pa.string(),
            "What chose them: rules, annotation or selector; null where there are none",
            nullable=True,
        ),
        column(
            "findings",
            pa.list_(FINDING),
            "Constraints checked on the cycle, in the row with is_refresh; empty in the others",
        ),
        column(
            "angles_from",
            pa.string(),
            "What each frame's angles were estimated from: the whole_clip, or its past",
        ),
    ],
)

TABLE = PublishedTable(
    schema=SCHEMA,
    about="Four rows a second of each exercise: what was known at that moment, in words.",
    since="1.3.0",
    required=True,
    order=("video_id", "segment_index", "frame"),
    key=("video_id", "segment_index", "frame"),
    limits=tuple(
        Limit(f"findings.{name}", -360.0, 360.0, where=("unit", "deg"))
        for name in ("measured", "target_low", "target_high", "deviation")
    ),
    choices={
        "cycle.kind": KINDS_SO_FAR,
        "cycle.side": SIDES,
        "cycle.cut": ("start", "end"),
        "salient_source": ("rules", "annotation", "selector"),
        "findings.check": ("dynamic", "static", "symmetry", "tempo"),
        "findings.unit": ("deg", "ratio", "s"),
        "findings.status": ("measured", "unmeasurable", "low_confidence"),
        "angles_from": (WHOLE_CLIP, PAST),
    },
    not_after=(
        ("cycle.start_s", "cycle.key_s"),
        ("cycle.key_s", "cycle.end_s"),
        ("cycle.end_s", "cycle.known_s"),
        ("cycle.known_s", "time_s"),
    ),
    references=(
        Reference(
            ("frame",), "kinematics", ("frame",),
            copies={"time_s": "time_s", "video_time_s": "video_time_s"},
        ),
    ),
)  # fmt: skip
