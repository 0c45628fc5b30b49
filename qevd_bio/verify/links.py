"""What the tables of a release say of each other, video by video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.release.configs import CONFIGS, identity_of
from qevd_bio.release.evidence import MORPHOMETRICS, video_faults
from qevd_bio.release.flat_columns import leaves
from qevd_bio.release.row_digest import rows_sha256
from qevd_bio.release.rows import SplitRows
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.limits import COPIED, FOREIGN_KEYS, ONE_A_VIDEO, SOME_A_VIDEO
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.row_invariants import body_causes, finding_causes
from qevd_bio.verify.tables import Tables

VideoTables = dict[str, pa.Table]
"""Rows of one video by config."""


def check_links(
    layout: Layout, split: str, video: str, tables: Tables, verdict: Verdict
) -> VideoTables:
    """Check what the rows of one video say of each other.

    Parameters
    ----------
    layout : Layout
        From `check_files`.
    split, video : str
        A video of the manifest, and its split.
    tables : dict
        From `check_tables`; what is absent there is not asked.
    verdict : Verdict
        Takes the faults.

    Returns
    -------
    dict of config to Table
        The rows of the video, for further checks.
    """
    own: VideoTables = {}
    for config, splits in tables.items():
        if split in splits:
            try:
                rows = splits[split].of(video)
                _check_digest(layout, config, video, rows, verdict)
                empty = not rows.column_names and config in CONFIGS
                own[config] = CONFIGS[config].schema.empty_table() if empty else rows
                own[config] = _without_repeats(config, own[config])
            except DataError as error:
                verdict.add("order", error.where, error.message)
    places = {config: tables[config][split] for config in own}
    _check_numbers_of_rows(split, video, own, verdict)
    cells = {config: _cells(table) for config, table in own.items() if config != "kinematics"}
    if "kinematics" in own:
        frames = own["kinematics"].select(["frame", "time_s"])
        cells["kinematics"] = {name: frames[name].to_pylist() for name in frames.column_names}
    _check_repeated(video, own, cells, places, verdict)
    _check_foreign_keys(video, cells, places, verdict)
    _check_copies(video, cells, places, verdict)
    _check_quality(video, own, cells, places, verdict)
    if layout.manifest["schema_version"] == SCHEMA_VERSION:
        _check_row_sums(video, own, places, verdict)
        _check_provenance(layout, video, cells, places, verdict)
    if {"annotations", "findings", "kinematics"} <= set(own):
        try:
            bodies = own[MORPHOMETRICS].to_pylist() if MORPHOMETRICS in own else ()
            for row, cause in video_faults(
                own["annotations"].to_pylist(),
                own["findings"].to_pylist(),
                bodies,
                own["kinematics"],
            ):
                where = f"{places['annotations'].place(video, row)} (video {video})"
                verdict.add("sentence", where, cause)
        except (KeyError, TypeError, ValueError, DataError) as error:
            if layout.manifest["schema_version"] != SCHEMA_VERSION:
                verdict.leave(f"sentences, which need columns of schema {SCHEMA_VERSION}")
            else:
                # words, units or names that the checker of numbers does not know
                verdict.add("sentence", f"video {video}", f"cannot be checked ({error!r})")
    return own


def _check_digest(
    layout: Layout, config: str, video: str, rows: pa.Table, verdict: Verdict
) -> None:
    """Compare the rows with the digest that was taken when they were published."""
    digests = layout.manifest["videos"][video].get("rows_sha256")
    if digests is None:
        if layout.manifest["schema_version"] == SCHEMA_VERSION:
            verdict.add("manifest", f"manifest.json videos.{video}", "has no rows_sha256")
        return
    found = rows_sha256(rows) if rows.num_rows else None
    if found != digests.get(config):
        verdict.add("rows", f"{config} of video {video}", "its rows are not those published")


def _without_repeats(config: str, rows: pa.Table) -> pa.Table:
    """Leave rows out whose key is taken: each was told as a duplicate, once is enough."""
    if config not in CONFIGS or not CONFIGS[config].is_key:
        return rows
    names = [name for name in CONFIGS[config].order if name != "video_id"]
    keys = rows.select(names).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    first = keys.group_by(names).aggregate([("row", "min")]) if names else keys
    if not names or first.num_rows == rows.num_rows:
        return rows
    return rows.take(first["row_min"].sort())


def _cells(table: pa.Table) -> dict[str, list[Any]]:
    """List the columns that have one value a row, by dotted path."""
    lists = {field.name for field in table.schema if pa.types.is_list(field.type)}
    return {
        leaf.path: leaf.values.to_pylist()
        for leaf in leaves(table)
        if leaf.path.partition(".")[0] not in lists
    }


def _check_numbers_of_rows(split: str, video: str, own: VideoTables, verdict: Verdict) -> None:
    for config in (*ONE_A_VIDEO, *SOME_A_VIDEO):
        if config not in own:
            continue
        rows = own[config].num_rows
        if rows == 0:
            verdict.add("reference", f"{config} {split}", f"video {video} has no row here")
        elif config in ONE_A_VIDEO and rows > 1:
            verdict.add("duplicate", f"{config} {split}", f"video {video} has {rows} rows here")


def _check_repeated(
    video: str,
    own: VideoTables,
    cells: Mapping[str, Mapping[str, list[Any]]],
    places: Mapping[str, SplitRows],
    verdict: Verdict,
) -> None:
    """Find rows that come again where the sort columns do not name a row."""
    for config in own:
        names = [name for name in identity_of(config) if name != "video_id"]
        is_sorted_by_it = config in CONFIGS and CONFIGS[config].is_key
        if is_sorted_by_it or not names or not set(names) <= set(cells[config]):
            continue
        keys = list(zip(*(cells[config][name] for name in names), strict=True))
        seen: set[tuple[Any, ...]] = set()
        for row, key in enumerate(keys):
            if key in seen:
                named = ", ".join(f"{n} {v}" for n, v in zip(names, key, strict=True))
                where = places[config].place(video, row)
                verdict.add("duplicate", where, f"video_id {video}, {named} is there already")
            seen.add(key)


def _check_foreign_keys(
    video: str,
    cells: Mapping[str, Mapping[str, list[Any]]],
    places: Mapping[str, SplitRows],
    verdict: Verdict,
) -> None:
    for key in FOREIGN_KEYS:
        if key.table not in cells or key.to_table not in cells:
            continue
        known = set(_keys(cells[key.to_table], key.to_columns))
        for row, value in enumerate(_keys(cells[key.table], key.columns)):
            if None not in value and value not in known:
                named = ", ".join(f"{n} {v}" for n, v in zip(key.columns, value, strict=True))
                cause = f"{named} of video {video} is not in {key.to_table}"
                verdict.add("reference", places[key.table].place(video, row), cause)


def _check_copies(
    video: str,
    cells: Mapping[str, Mapping[str, list[Any]]],
    places: Mapping[str, SplitRows],
    verdict: Verdict,
) -> None:
    for copy in COPIED:
        if copy.table not in cells or copy.from_table not in cells:
            continue
        home, mine = cells[copy.from_table], cells[copy.table]
        if copy.from_column not in home or copy.column not in mine:
            continue
        keys = _keys(home, copy.from_key)
        written = dict(zip(keys, home[copy.from_column], strict=True))
        for row, (key, value) in enumerate(
            zip(_keys(mine, copy.key), mine[copy.column], strict=True)
        ):
            if key in written and None not in key and value != written[key]:
                cause = (
                    f"{copy.column} of video {video} is {value!r}, "
                    f"{copy.from_table}.{copy.from_column} is {written[key]!r}"
                )
                is_time = copy.column.endswith("_s")
                where = places[copy.table].place(video, row)
                verdict.add("time" if is_time else "copy", where, cause)


def _check_quality(
    video: str,
    own: VideoTables,
    cells: Mapping[str, Mapping[str, list[Any]]],
    places: Mapping[str, SplitRows],
    verdict: Verdict,
) -> None:
    if "quality" not in own or "kinematics" not in own or own["quality"].num_rows != 1:
        return
    frames, times = own["kinematics"].num_rows, cells["kinematics"]["time_s"]
    told = own["quality"].to_pylist()[0]
    if frames and told["frames"] != frames:
        cause = f"frames of video {video} is {told['frames']}, kinematics has {frames} rows"
        verdict.add("copy", places["quality"].place(video, 0), cause)
    elif frames and told["duration_s"] != times[-1] - times[0]:
        cause = (
            f"duration_s of video {video} is {told['duration_s']!r}, "
            f"its frames last {times[-1] - times[0]!r} s"
        )
        verdict.add("time", places["quality"].place(video, 0), cause)


def _check_row_sums(
    video: str, own: VideoTables, places: Mapping[str, SplitRows], verdict: Verdict
) -> None:
    for config, causes_of in (("findings", finding_causes), (MORPHOMETRICS, body_causes)):
        for number, row in enumerate(own[config].to_pylist() if config in own else ()):
            for cause in causes_of(row):
                verdict.add("copy", places[config].place(video, number), cause)


def _check_provenance(
    layout: Layout,
    video: str,
    cells: Mapping[str, Mapping[str, list[Any]]],
    places: Mapping[str, SplitRows],
    verdict: Verdict,
) -> None:
    """Compare what rows say they were made from with the manifest."""
    artifacts = layout.manifest["videos"][video].get("artifacts", {})
    for config in ("kinematics", "findings"):
        name = f"provenance.{config}_sha256"
        for row, digest in enumerate(cells.get("annotations", {}).get(name, ())):
            if digest != artifacts.get(config):
                cause = f"{name} of video {video} is not that of the manifest"
                verdict.add("copy", places["annotations"].place(video, row), cause)
    cycles = cells.get("cycles", {})
    made = zip(cycles.get("exercise", ()), cycles.get("rule_version", ()), strict=True)
    for row, (rule, version) in enumerate(made):
        told = layout.manifest["generator"].get(f"rule {rule}")
        if told != str(version):
            cause = f"rule_version of {rule} is {version}, the manifest says {told}"
            verdict.add("copy", places["cycles"].place(video, row), cause)


def _keys(cells: Mapping[str, list[Any]], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    if not set(columns) <= set(cells):
        return []
    return list(zip(*(cells[name] for name in columns), strict=True))
