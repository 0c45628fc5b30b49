"""The list of the tables of a release.

A new table needs its schema file with its `PublishedTable`, one line here, and the stage of the
same name. Everything that publishes, verifies, compares, loads or describes a release reads this
list.
"""

from __future__ import annotations

from qevd_bio.tables.annotations import TABLE as ANNOTATIONS
from qevd_bio.tables.contexts import TABLE as CONTEXTS
from qevd_bio.tables.cycles import TABLE as CYCLES
from qevd_bio.tables.findings import TABLE as FINDINGS
from qevd_bio.tables.kinematics import TABLE as KINEMATICS
from qevd_bio.tables.morphometrics import TABLE as MORPHOMETRICS
from qevd_bio.tables.published_table import PublishedTable
from qevd_bio.tables.quality import TABLE as QUALITY

TABLES: dict[str, PublishedTable] = {
    one.name: one
    for one in (ANNOTATIONS, CONTEXTS, KINEMATICS, CYCLES, FINDINGS, MORPHOMETRICS, QUALITY)
}
"""By name, in the order in which they are shown."""

DEFAULT_TABLE = ANNOTATIONS.name
"""What loaders give where no table is named."""


def key_of(name: str) -> tuple[str, ...]:
    """Name the columns that name a row of a table; ``video_id`` for a table of another version."""
    return TABLES[name].key if name in TABLES else ("video_id",)
