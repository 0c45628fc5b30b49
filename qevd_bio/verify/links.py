"""The rows of one video in all tables, compared with each other and with the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.release.context_evidence import video_context_issues
from qevd_bio.release.evidence import video_issues
from qevd_bio.release.made_with import other_prompts
from qevd_bio.release.row_digest import rows_sha256
from qevd_bio.released.rows import SplitRows
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.flat_columns import flat_columns
from qevd_bio.tables.published import TABLES
from qevd_bio.tables.published_table import PublishedTable, Reference
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import IssueKind
from qevd_bio.verify.row_invariants import ROW_INVARIANTS
from qevd_bio.verify.tables import Tables

Cells = Mapping[str, list[Any]]
"""Values of the columns that have one value a row, by dotted path."""


@dataclass(frozen=True, slots=True)
class _Video:
    """One video, its rows, and where they stand."""

    layout: Layout
    video: str
    split: str
    tables: VideoRows
    cells: Mapping[str, Cells]
    homes: Mapping[str, SplitRows]

    def add(self, kind: IssueKind, config: str, row: int, cause: str) -> None:
        """Add an issue of a row."""
        where = f"{self.homes[config].place(self.video, row)} (video {self.video})"
        self.layout.verdict.add(kind, where, cause)


def check_links(layout: Layout, split: str, video: str, tables: Tables) -> VideoRows:
    """Compare the rows of one video with each other and with the manifest.

    Tables that are absent from `tables` are not compared. Returns the rows, for further checks.
    """
    read: dict[str, pa.Table] = {}
    for config, splits in tables.items():
        if split in splits:
            try:
                rows = splits[split].of(video)
                _check_digest(layout, config, video, rows)
                read[config] = _without_repeats(TABLES[config], rows)
            except DataError as error:
                layout.verdict.add("order", error.where, error.message)
    own = VideoRows(read)
    one = _Video(
        layout=layout,
        video=video,
        split=split,
        tables=own,
        cells={config: _cells(config, rows) for config, rows in own.items()},
        homes={config: tables[config][split] for config in own},
    )
    _check_tables_gone(layout, video)
    for config in own:
        _check_number_of_rows(one, TABLES[config])
        _check_repeated(one, TABLES[config])
        for reference in TABLES[config].references:
            _check_reference(one, config, reference)
    _check_capture(one)
    if layout.is_current:
        _check_invariants(one)
        _check_provenance(one)
    if {"annotations", "findings", "kinematics"} <= set(own):
        _check_sentences(one)
    if {"contexts", "kinematics"} <= set(own) and own["contexts"].num_rows:
        _check_contexts(one)
    return own


def _check_digest(layout: Layout, config: str, video: str, rows: pa.Table) -> None:
    """Compare the rows with the digest that was taken when they were published."""
    digests = layout.manifest["videos"][video].get("rows_sha256")
    if digests is None:
        if layout.is_current:
            layout.verdict.add("manifest", f"manifest.json videos.{video}", "has no rows_sha256")
        return
    found = rows_sha256(rows) if rows.num_rows else None
    if found != digests.get(config):
        layout.verdict.add(
            "rows", f"{config} of video {video}", "its rows are not those published"
        )


def _check_tables_gone(layout: Layout, video: str) -> None:
    """Find published rows of tables that the release does not have any more."""
    for config in layout.manifest["videos"][video].get("rows_sha256", {}):
        if config not in layout.shards:
            cause = "its rows are not there any more"
            layout.verdict.add("rows", f"{config} of video {video}", cause)


def _without_repeats(table: PublishedTable, rows: pa.Table) -> pa.Table:
    """Drop rows with a key that is taken: each is a duplicate already, once is enough."""
    if not rows.column_names:
        return table.schema.empty_table()
    names = [name for name in table.key if name != "video_id"]
    if not table.is_sorted_by_key or not names:
        return rows
    keys = rows.select(names).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    first = keys.group_by(names).aggregate([("row", "min")])
    return rows if first.num_rows == rows.num_rows else rows.take(first["row_min"].sort())


def _cells(config: str, rows: pa.Table) -> Cells:
    """List the columns that name rows or are compared; kinematics alone has a hundred others."""
    wanted = {*TABLES[config].key}
    for table in TABLES.values():
        for reference in table.references:
            if table.name == config:
                wanted |= {*reference.columns, *reference.copies}
            if reference.table == config:
                wanted |= {*reference.to, *reference.copies.values()}
    tops = {name.partition(".")[0] for name in wanted}
    columns = flat_columns(rows.select([name for name in rows.column_names if name in tops]))
    return {path: one.values.to_pylist() for path, one in columns.items() if not one.in_list}


def _check_number_of_rows(one: _Video, table: PublishedTable) -> None:
    rows, where = one.tables[table.name].num_rows, f"{table.name} {one.split}"
    is_due = table.required or table.name in one.layout.manifest["videos"][one.video].get(
        "artifacts", {}
    )
    if rows == 0 and table.rows != "any" and is_due:
        one.layout.verdict.add("reference", where, f"video {one.video} has no row here")
    elif rows > 1 and table.rows == "one":
        one.layout.verdict.add("duplicate", where, f"video {one.video} has {rows} rows here")


def _check_repeated(one: _Video, table: PublishedTable) -> None:
    """Find rows that come again where the sort columns do not name a row."""
    names = [name for name in table.key if name != "video_id"]
    if table.is_sorted_by_key:
        return
    known: set[tuple[Any, ...]] = set()
    for row, key in enumerate(_keys(one.cells[table.name], names)):
        if key in known:
            cause = f"video_id {one.video}, {_named(names, key)} is there already"
            one.add("duplicate", table.name, row, cause)
        known.add(key)


def _check_reference(one: _Video, config: str, reference: Reference) -> None:
    """Check that the rows named by columns of a table are there and have the same values."""
    if reference.table not in one.tables:
        return
    mine, theirs = one.cells[config], one.cells[reference.table]
    if not set(reference.to) <= set(theirs):
        return
    places = {key: row for row, key in enumerate(_keys(theirs, reference.to))}
    copies = [
        (column, source, mine[column], theirs[source])
        for column, source in reference.copies.items()
        if column in mine and source in theirs
    ]
    for row, key in enumerate(_keys(mine, reference.columns)):
        if None in key:
            continue
        if key not in places:
            named = _named(reference.columns, key)
            cause = f"{named} of video {one.video} is not in {reference.table}"
            one.add("reference", config, row, cause)
            continue
        for column, source, values, originals in copies:
            value, original = values[row], originals[places[key]]
            if value != original:
                cause = (
                    f"{column} of video {one.video} is {value!r}, "
                    f"{reference.table}.{source} is {original!r}"
                )
                one.add("time" if column.endswith("_s") else "copy", config, row, cause)


def _check_capture(one: _Video) -> None:
    """Compare the number and time of frames in `quality` with the frames."""
    if not {"quality", "kinematics"} <= set(one.tables) or one.tables["quality"].num_rows != 1:
        return
    times = one.cells["kinematics"]["time_s"]
    stated = one.tables.rows("quality")[0]
    if times and stated["frames"] != len(times):
        cause = f"frames of video {one.video} is {stated['frames']}, kinematics has {len(times)}"
        one.add("copy", "quality", 0, f"{cause} rows")
    elif times and stated["duration_s"] != times[-1] - times[0]:
        cause = (
            f"duration_s of video {one.video} is {stated['duration_s']!r}, "
            f"its frames last {times[-1] - times[0]!r} s"
        )
        one.add("time", "quality", 0, cause)


def _check_invariants(one: _Video) -> None:
    for config in set(ROW_INVARIANTS) & set(one.tables):
        for number, row in enumerate(one.tables.rows(config)):
            for cause in ROW_INVARIANTS[config](row):
                one.add("copy", config, number, cause)


def _check_provenance(one: _Video) -> None:
    """Compare artifacts and rule versions that rows name with those of the manifest."""
    artifacts = one.layout.manifest["videos"][one.video].get("artifacts", {})
    made_from = _made_from(one)
    for config in ("kinematics", "findings"):
        name = f"{config}_sha256"
        for row, made in enumerate(made_from):
            # findings up to schema 1.3.0
            if made.get(name) not in (None, artifacts.get(config)):
                cause = f"provenance.{name} of video {one.video} is not that of the manifest"
                one.add("copy", "annotations", row, cause)
    used = {"annotations": [(made["exercise"], made.get("rule_version")) for made in made_from]}
    for config in ("cycles", "contexts"):
        rows = one.tables.get(config, pa.table({}))
        if {"exercise", "rule_version"} <= set(rows.column_names):
            columns = (rows[name].to_pylist() for name in ("exercise", "rule_version"))
            used[config] = list(zip(*columns, strict=True))
    for config, rules in used.items():
        for row, (rule, version) in enumerate(rules):
            stated = one.layout.manifest["generator"].get(f"rule {rule}")
            if rule is not None and stated != str(version):
                cause = f"rule_version of {rule} is {version}, the manifest has {stated}"
                one.add("copy", config, row, cause)


def _made_from(one: _Video) -> list[dict[str, Any]]:
    """Read the provenance of the annotation rows with their exercise."""
    rows = one.tables.get("annotations", pa.table({}))
    if not {"exercise", "provenance"} <= set(rows.column_names):
        return []
    return [
        {**row["provenance"], "exercise": row["exercise"]}
        for row in one.tables.rows("annotations")
    ]


def _check_contexts(one: _Video) -> None:
    notes = one.layout.manifest["videos"][one.video].get("kinematics", {})
    made_with = one.layout.manifest.get("made_with", {})
    same_words = not made_with or not other_prompts(made_with)
    try:
        for row, cause in video_context_issues(one.tables, notes, same_words=same_words):
            one.add("context", "contexts", row, cause)
    except (KeyError, TypeError, ValueError, DataError) as error:
        if not one.layout.is_current:
            one.layout.verdict.skip(f"contexts, which need columns of schema {SCHEMA_VERSION}")
        else:
            cause = f"cannot be checked ({error!r})"
            one.layout.verdict.add("context", f"video {one.video}", cause[:300])


def _check_sentences(one: _Video) -> None:
    try:
        for _, row, cause in video_issues(one.tables):
            one.add("sentence", "annotations", row, cause)
    except (KeyError, TypeError, ValueError, DataError) as error:
        if not one.layout.is_current:
            one.layout.verdict.skip(f"sentences, which need columns of schema {SCHEMA_VERSION}")
        else:
            # texts, units or names that the checker of numbers does not know
            one.layout.verdict.add(
                "sentence", f"video {one.video}", f"cannot be checked ({error!r})"
            )


def _keys(cells: Cells, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    if not set(columns) <= set(cells):
        return []
    return list(zip(*(cells[name] for name in columns), strict=True))


def _named(names: Sequence[str], key: Sequence[Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))
