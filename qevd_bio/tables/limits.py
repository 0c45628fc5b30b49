"""What holds in every published table beyond its types: ranges, choices, order, references.

Declared as data, so that `verify` knows no table by name. A new table is covered by its units
and the endings of its column names; what it must keep beyond that is one line here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of a number; the first limit whose patterns fit a column holds.

    Attributes
    ----------
    table, column : str
        Shell patterns; the columns of structs and lists are told with dots.
    low, high : float
        Both inclusive, in the column's unit.
    where : tuple of (str, str), optional
        Holds only in rows whose sibling column has this text.
    """

    table: str
    column: str
    low: float
    high: float
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The texts a column may hold; null is always a matter of the schema."""

    table: str
    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotAfter:
    """Two columns of a row, the first never greater than the second."""

    table: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Rising:
    """A number that grows from row to row of a video; by exactly `step` where there is one."""

    table: str
    column: str
    step: int | None = None
    start: int | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns whose values must stand in a row of another table of the same video.

    Every table with a `video_id` refers to the videos of the manifest without being told here.
    """

    table: str
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """A value that stands twice, bit for bit: in a row, and in the row its key names."""

    table: str
    key: tuple[str, ...]
    column: str
    from_table: str
    from_key: tuple[str, ...]
    from_column: str


_TURN = 2.0 * math.pi
_MANY = 1e9

LIMITS: tuple[Limit, ...] = (
    Limit("*", "*_sigma_rad", 0.0, 100.0 * _TURN),
    Limit("*", "*sigma", 0.0, _MANY),
    Limit("*", "*_sigma_*", 0.0, _MANY),
    Limit("*", "*_share", 0.0, 1.0),
    Limit("*", "*confidence", 0.0, 1.0),
    Limit("*", "*confidence_median", 0.0, 1.0),
    Limit("cycles", "quality*", 0.0, 1.0),
    Limit("annotations", "cycle.quality*", 0.0, 1.0),
    Limit("*", "*severity", 0.0, _MANY),
    Limit("*", "*tolerance", 0.0, _MANY),
    Limit("*", "*guard", 0.0, 100.0),
    *(
        Limit("findings", name, -360.0, 360.0, where=("unit", "deg"))
        for name in ("measured", "target_low", "target_high", "deviation")
    ),
    Limit("quality", "pelvis_tilt_peak_deg", -180.0, 180.0),
    Limit("morphometrics", "*_ratio", 0.0, 1.0),
    Limit("morphometrics", "*_m", 0.0, 5.0),
    Limit("*", "root_*_m", -1000.0, 1000.0),
    Limit("*", "*_index", 0.0, 2.0**31),
    Limit("*", "*_version", 0.0, 2.0**31),
)
"""Hinges and Euler angles are unwrapped over a segment: a whole turn more is no fault, and 100
radians are degrees by mistake; see `UNIT_LIMITS`."""

UNIT_LIMITS: dict[str, tuple[float, float]] = {
    "rad": (-4.0 * _TURN, 4.0 * _TURN),
    "deg": (-1440.0, 1440.0),
    "s": (0.0, 1e11),
    "frames": (0.0, 1e9),
    "m": (0.0, 1000.0),
    "kg": (0.0, 1000.0),
    "m/s": (0.0, 1000.0),
    "m/s^2": (0.0, 1e6),
    "deg/s": (0.0, 1e6),
}
"""Bounds by unit, for numbers that no limit names."""

_SIDES = ("r", "l")
_STATUSES = (
    "rewritten", "kept", "unsupported", "low_confidence", "unmeasurable", "no_cycle",
)  # fmt: skip
_KINDS = (
    "corrective", "instructional", "motivational", "counting", "transition", "informational",
    "other",
)  # fmt: skip

CHOICES: tuple[Choice, ...] = (
    Choice("annotations", "status", _STATUSES),
    Choice("annotations", "kind", _KINDS),
    Choice("annotations", "salient_source", ("rules", "annotation", "selector")),
    Choice("cycles", "kind", ("cycle", "half", "hold")),
    Choice("cycles", "side", _SIDES),
    Choice("cycles", "cut", ("start", "end")),
    Choice("findings", "side", _SIDES),
    Choice("findings", "check", ("dynamic", "static", "symmetry", "tempo")),
    Choice("findings", "unit", ("deg", "ratio", "s")),
    Choice("findings", "priority", ("critical", "high", "medium", "low")),
    Choice("findings", "status", ("measured", "unmeasurable", "low_confidence")),
    Choice("morphometrics", "source", ("betas", "shapy", "height", "none")),
    Choice("morphometrics", "segment_source", ("body", "capture")),
    Choice("morphometrics", "shape_space", ("skel_male", "smpl_male")),
    Choice("quality", "root_source", ("backend", "contact")),
)

NOT_AFTER: tuple[NotAfter, ...] = (
    NotAfter("annotations", "frame_start", "frame_end"),
    NotAfter("cycles", "frame_start", "frame_key"),
    NotAfter("cycles", "frame_key", "frame_end"),
    NotAfter("cycles", "start_s", "key_s"),
    NotAfter("cycles", "key_s", "end_s"),
    NotAfter("findings", "target_low", "target_high"),
)

RISING: tuple[Rising, ...] = (
    Rising("kinematics", "frame", step=1, start=0),
    Rising("kinematics", "time_s"),
    Rising("annotations", "feedback_index", step=1, start=0),
    Rising("annotations", "frame_start"),
)

_CYCLE = ("segment_index", "cycle_index")

FOREIGN_KEYS: tuple[ForeignKey, ...] = (
    ForeignKey("findings", _CYCLE, "cycles", _CYCLE),
    ForeignKey("annotations", ("segment_index", "cycle.cycle_index"), "cycles", _CYCLE),
    ForeignKey("cycles", ("frame_start",), "kinematics", ("frame",)),
    ForeignKey("cycles", ("frame_key",), "kinematics", ("frame",)),
    ForeignKey("cycles", ("frame_end",), "kinematics", ("frame",)),
    ForeignKey("findings", ("key_frame",), "kinematics", ("frame",)),
)

COPIED: tuple[Copied, ...] = (
    *(
        Copied("cycles", (f"frame_{frame}",), f"{time}_s", "kinematics", ("frame",), "time_s")
        for frame, time in (("start", "start"), ("key", "key"), ("end", "end"))
    ),
    Copied("findings", ("key_frame",), "key_s", "kinematics", ("frame",), "time_s"),
    *(
        Copied("annotations", ("segment_index", "cycle.cycle_index"), f"cycle.{name}",
               "cycles", _CYCLE, name)
        for name in ("kind", "side", "start_s", "key_s", "end_s", "quality", "quality_cosine",
                     "quality_pearson", "quality_velocity", "quality_amplitude")
    ),
    *(
        Copied("annotations", ("segment_index", "cycle.cycle_index"), mine, "cycles", _CYCLE, name)
        for mine, name in (("exercise", "exercise"), ("provenance.rule_version", "rule_version"))
    ),
    Copied("findings", _CYCLE, "exercise", "cycles", _CYCLE, "exercise"),
)  # fmt: skip

ONE_A_VIDEO: tuple[str, ...] = ("morphometrics", "quality")
"""Tables with exactly one row a video of the manifest."""

SOME_A_VIDEO: tuple[str, ...] = ("kinematics",)
"""Tables with at least one row a video of the manifest."""

IDENTITY: dict[str, tuple[str, ...]] = {
    "findings": ("video_id", "segment_index", "cycle_index", "constraint_id", "side"),
}
"""What names a row, where the columns it is sorted by do not."""


def limit_of(table: str, column: str, unit: str) -> Limit | None:
    """Find the bounds of a numeric column.

    Parameters
    ----------
    table, column, unit : str
        The column by its dotted path, and its unit, empty for plain values.

    Returns
    -------
    Limit or None
        None: any finite number.
    """
    for limit in LIMITS:
        if fnmatchcase(table, limit.table) and fnmatchcase(column, limit.column):
            return limit
    if unit in UNIT_LIMITS:
        return Limit(table, column, *UNIT_LIMITS[unit])
    return None
