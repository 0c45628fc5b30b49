"""The table of findings: one row a constraint checked on a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter, itemgetter
from typing import Any

import pyarrow as pa

from qevd_bio.motion.constraints import Finding
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.cycles import KEY as CYCLE_KEY
from qevd_bio.tables.cycles import SIDES
from qevd_bio.tables.published_table import Limit, PublishedTable, Reference

_OPTIONAL_NUMBERS = (
    ("measured", "Value found"),
    ("target_low", "Lower bound of the target"),
    ("target_high", "Upper bound of the target"),
    ("deviation", "Measured minus the nearest bound; 0 inside the target"),
    ("sigma", "Measurement noise of this quantity, one standard deviation"),
)

FINDING_FIELDS: list[pa.Field] = [
    column("constraint_id", pa.string(), "Constraint of the exercise rule"),
    column("measure", pa.string(), "Anatomical quantity, see the catalogue of measures"),
    column("joint", pa.string(), "Anatomical word used in sentences"),
    column("side", pa.string(), "r, l, or null for the midline", nullable=True),
    column("check", pa.string(), "dynamic, static, symmetry or tempo"),
    column(
        "phase",
        pa.string(),
        "Phase the check looks at, or throughout; empty for static",
    ),
    column("key_frame", pa.int32(), "Frame the value was read at", unit="frames"),
    column("key_s", pa.float64(), "Time of that frame", unit="s"),
    *(
        column(name, pa.float64(), f"{text}, in the finding's unit", nullable=True)
        for name, text in _OPTIONAL_NUMBERS
    ),
    column("unit", pa.string(), "Unit of the numbers: deg, ratio or s"),
    column("tolerance", pa.float64(), "Allowed deviation, in the finding's unit"),
    column("guard", pa.float64(), "Guard band, in standard deviations"),
    column("violated", pa.bool_(), "Deviation exceeds tolerance by more than the guard band"),
    column("severity", pa.float64(), "Deviation beyond tolerance, in tolerances"),
    column("priority", pa.string(), "critical, high, medium or low"),
    column("status", pa.string(), "measured, unmeasurable or low_confidence"),
    column(
        "reason",
        pa.string(),
        "Why it was not measured, or what a number rests on; else empty",
    ),
    column("instruction", pa.string(), "The rule's wording for this violation; else empty"),
]

SCHEMA: pa.Schema = versioned(
    "findings",
    [
        column("video_id", pa.string(), "Video the finding belongs to"),
        column("segment_index", pa.int32(), "Exercise segment of the session, from 0"),
        column("cycle_index", pa.int32(), "Cycle of the segment, from 0"),
        column("exercise", pa.string(), "Rule that was checked"),
        *FINDING_FIELDS,
        column("video_key_s", pa.float64(), "key_s since the video's first frame", unit="s"),
    ],
)

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row a constraint checked on a cycle.",
    since="1.0.0",
    required=True,
    order=("video_id", *CYCLE_KEY),
    key=("video_id", *CYCLE_KEY, "constraint_id", "side"),
    renumbered=True,
    limits=tuple(
        Limit(name, -360.0, 360.0, where=("unit", "deg"))
        for name in ("measured", "target_low", "target_high", "deviation")
    ),
    choices={
        "side": SIDES,
        "check": ("dynamic", "static", "symmetry", "tempo"),
        "unit": ("deg", "ratio", "s"),
        "priority": ("critical", "high", "medium", "low"),
        "status": ("measured", "unmeasurable", "low_confidence"),
    },
    not_after=(("target_low", "target_high"),),
    references=(
        Reference(CYCLE_KEY, "cycles", CYCLE_KEY, copies={"exercise": "exercise"}),
        Reference(
            ("key_frame",),
            "kinematics",
            ("frame",),
            copies={"key_s": "time_s", "video_key_s": "video_time_s"},
        ),
    ),
)


_NAMES = tuple(field.name for field in FINDING_FIELDS)
_VALUES, _CELLS = attrgetter(*_NAMES), itemgetter(*_NAMES)


def finding_row(finding: Finding) -> dict[str, Any]:
    """Write the columns of `FINDING_FIELDS` of a finding."""
    return dict(zip(_NAMES, _VALUES(finding), strict=True))


def finding_from_row(row: Mapping[str, Any]) -> Finding:
    """Read a finding from a row of this table, or from the findings of an annotation row."""
    return Finding(**dict(zip(_NAMES, _CELLS(row), strict=True)))
