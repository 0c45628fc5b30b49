"""What is declared of a published table: its rows, its key, and what holds beyond its types.

Declared as data, so that publishing, verifying and loading know no table by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of a number.

    Attributes
    ----------
    column : str
        Shell pattern; columns of structs and lists are named with dots.
    low, high : float
        Both inclusive, in the column's unit.
    where : tuple of (str, str), optional
        Holds only in rows in which this sibling column has this text.
    """

    column: str
    low: float
    high: float
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Rising:
    """A number that grows from row to row of a video; by exactly `step` where there is one."""

    column: str
    step: int | None = None
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that name a row of another table of the same video.

    Attributes
    ----------
    columns : tuple of str
        Null in one of them: no row is named.
    table : str
        The other table.
    to : tuple of str
        Columns there, as many as `columns`.
    copies : mapping of str to str
        Columns here that equal a column of the named row, bit for bit.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    copies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """One table of a release.

    Attributes
    ----------
    schema : Schema
        The one schema of all its shards; made by `qevd_bio.tables.columns.versioned`.
    about : str
        What a row is, for the data card.
    since : str
        Schema version that first had the table.
    required : bool
        Whether a video can only be published with it.
    order : tuple of str
        Columns the rows are sorted by; rows that tie stay in the artifact's order.
    key : tuple of str
        Columns that name a row.
    rows : str
        How many rows a video has: ``any``, ``some`` (at least one) or ``one``.
    renumbered : bool
        Whether rows are numbered as they are found, so that a better rule or capture may
        take some away. The rows of other tables are named by the source.
    leaves_out_empty : bool
        Whether columns without a value in a whole release are left out of its shards.
    limits : tuple of Limit
        The first with a pattern that fits a column holds; `qevd_bio.tables.limits` has the others.
    choices : mapping of str to tuple of str
        The texts a column may hold; whether it may be null is a matter of the schema.
    not_after : tuple of (str, str)
        Two columns of a row, the first never greater than the second.
    rising : tuple of Rising
        Numbers that grow from row to row.
    references : tuple of Reference
        Rows of other tables. That `video_id` is a video of the release needs no word here.
    """

    schema: pa.Schema
    about: str
    since: str
    required: bool
    order: tuple[str, ...]
    key: tuple[str, ...]
    rows: Literal["any", "some", "one"] = "any"
    renumbered: bool = False
    leaves_out_empty: bool = False
    limits: tuple[Limit, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_after: tuple[tuple[str, str], ...] = ()
    rising: tuple[Rising, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def name(self) -> str:
        """Name of the table, of its artifacts and of its folder in a release."""
        name: bytes = self.schema.metadata[b"qevd_bio.table"]
        return name.decode()

    @property
    def is_sorted_by_key(self) -> bool:
        """Whether the columns of the order alone name a row."""
        return self.key == self.order
