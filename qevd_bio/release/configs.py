"""The tables of a release: schema, row order and key of each config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.tables.annotations import SCHEMA as ANNOTATIONS
from qevd_bio.tables.cycles import SCHEMA as CYCLES
from qevd_bio.tables.findings import SCHEMA as FINDINGS
from qevd_bio.tables.kinematics import SCHEMA as KINEMATICS
from qevd_bio.tables.limits import IDENTITY
from qevd_bio.tables.morphometrics import SCHEMA as MORPHOMETRICS
from qevd_bio.tables.quality import SCHEMA as QUALITY

SPLITS: tuple[str, ...] = tuple(SPLIT_FOLDERS)
DEFAULT_CONFIG = "annotations"


@dataclass(frozen=True, slots=True)
class Config:
    """One table of a release.

    Attributes
    ----------
    schema : Schema
        The one schema of all its shards.
    order : tuple of str
        Columns the rows are sorted by; rows that tie stay in the artifact's order.
    is_key : bool
        Whether `order` names a row: no two rows may agree in it.
    """

    schema: pa.Schema
    order: tuple[str, ...]
    is_key: bool


CONFIGS: Mapping[str, Config] = {
    "annotations": Config(ANNOTATIONS, ("video_id", "feedback_index"), is_key=True),
    "kinematics": Config(KINEMATICS, ("video_id", "frame"), is_key=True),
    "cycles": Config(CYCLES, ("video_id", "segment_index", "cycle_index"), is_key=True),
    "findings": Config(FINDINGS, ("video_id", "segment_index", "cycle_index"), is_key=False),
    "morphometrics": Config(MORPHOMETRICS, ("video_id",), is_key=True),
    "quality": Config(QUALITY, ("video_id",), is_key=True),
}


def identity_of(config: str) -> tuple[str, ...]:
    """Name the columns that name a row of a table."""
    if config in IDENTITY:
        return IDENTITY[config]
    return CONFIGS[config].order if config in CONFIGS else ("video_id",)
