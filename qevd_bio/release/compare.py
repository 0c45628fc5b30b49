"""Two releases compared: what changed, why, and which step of the version that asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qevd_bio.arrays import BoolArray
from qevd_bio.errors import UsageError
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.release.features import field_list
from qevd_bio.release.version_steps import Step, next_version, step_taken, suffices
from qevd_bio.released.opened_release import Causes, OpenedRelease, changed_files
from qevd_bio.released.review_cause import is_of_review, reviewed_rows, with_review
from qevd_bio.tables.flat_columns import FlatColumn, flat_columns
from qevd_bio.tables.published import TABLES, key_of

TOLERANCES: Mapping[str, float] = {
    "rad": 1e-4,
    "deg": 0.01,
    "deg/s": 0.01,
    "m": 1e-4,
    "m/s": 1e-4,
    "m/s^2": 1e-3,
    "s": 0.0,
    "frames": 0.0,
}
"""A number that moved by no more counts as the same; by unit of its column."""

PLAIN_TOLERANCE = 1e-4
"""... of plain floats; whole numbers and times are compared exactly."""

MOST_EXAMPLES = 10


@dataclass(slots=True)
class ConfigChanges:
    """What changed in one table.

    Attributes
    ----------
    added, removed, same : int
        Rows by their key.
    text, numbers : int
        Rows in which a text, or a number beyond its tolerance, differs.
    within : int
        Rows that differ by less than the tolerances only.
    reviewed : int
        Rows with another verdict of an annotator; they differ only if their sentences do.
    columns : Counter of str
        Rows that differ, by column.
    largest : dict of str to float
        Largest change of a number, by column, in its unit.
    causes : Counter of str
        Rows added, removed or changed, by cause; a row may have several.
    examples : list of str
        The first few changes.
    differing : int
        Rows added, removed or changed, which the examples are of.
    """

    added: int = 0
    removed: int = 0
    same: int = 0
    text: int = 0
    numbers: int = 0
    within: int = 0
    reviewed: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    largest: dict[str, float] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    differing: int = 0

    def note(self, causes: Sequence[str], example: str) -> None:
        """Count the causes of a row, and keep it as an example if there are not enough yet."""
        self.causes.update(causes)
        self.differing += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one release to the next.

    Attributes
    ----------
    old, new : str
        Versions.
    required, taken : str
        The step of the version that the changes ask for, and the step that was taken.
    fits : bool
        Whether the new version is high enough.
    schema : tuple of str
        Changes of columns, types, null, units, tables; all but a table that is added may break a
        reader's code.
    descriptions : tuple of str
        Descriptions of columns that changed.
    versions : tuple of str
        Rules, stages and other parts of the generator that changed, and rules and prompts with
        other bytes, whether their version was raised or not.
    videos : mapping of str to tuple of str
        Videos ``added``, ``removed`` and ``moved`` to the other split.
    configs : mapping of str to ConfigChanges
        By table.
    """

    old: str
    new: str
    required: Step
    taken: Step
    fits: bool
    schema: tuple[str, ...]
    descriptions: tuple[str, ...]
    versions: tuple[str, ...]
    videos: Mapping[str, tuple[str, ...]]
    configs: Mapping[str, ConfigChanges]

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the comparison out."""
        configs = {
            name: {
                **asdict(one),
                # asdict would count the items of a Counter again
                "columns": dict(sorted(one.columns.items())),
                "causes": dict(sorted(one.causes.items())),
            }
            for name, one in self.configs.items()
        }
        tolerances = {**TOLERANCES, "": PLAIN_TOLERANCE}
        return {**asdict(self), "configs": configs, "tolerances": tolerances}


def compare_releases(old: Path, new: Path) -> Comparison:
    """Compare two releases in two folders, video by video.

    Raises
    ------
    UsageError
        A folder is no release, or its version is none.
    DataError
        A table cannot be read.
    """
    before, after = OpenedRelease(old), OpenedRelease(new)
    added, breaking, descriptions = _schema_changes(before, after)
    configs = {
        config: _config_changes(config, before, after) for config in _configs(before, after)
    }
    videos = _video_changes(before, after)
    required = _required(
        added, breaking, [*descriptions, *changed_files(before, after)], configs, videos
    )
    return Comparison(
        old=before.version,
        new=after.version,
        required=required,
        taken=step_taken(before.version, after.version),
        fits=suffices(before.version, after.version, required),
        schema=(*added, *breaking),
        descriptions=tuple(descriptions),
        versions=tuple(_version_changes(before, after)),
        videos=videos,
        configs=configs,
    )


def refuse_small_step(old: Path, new: Path) -> None:
    """Raise `UsageError` if a version is too low for what changed since another release."""
    found = compare_releases(old, new)
    if not found.fits:
        raise UsageError(
            f"the changes since {found.old} ask for a {found.required} step",
            where=f"version {found.new}",
            next_step=f"Publish as {next_version(found.old, found.required)}",
        )


def _configs(before: OpenedRelease, after: OpenedRelease) -> list[str]:
    return sorted({*before.tables, *after.tables})


def _required(
    added: Sequence[str],
    breaking: Sequence[str],
    small: Sequence[str],
    configs: Mapping[str, ConfigChanges],
    videos: Mapping[str, Sequence[str]],
) -> Step:
    renumbered = {name for name, table in TABLES.items() if table.renumbered}
    gone = any(one.removed for name, one in configs.items() if name not in renumbered)
    if breaking or gone or videos["removed"] or videos["moved"]:
        return "major"
    more = added or any(one.added or one.removed for one in configs.values())
    more = more or any(_is_target(path) for one in configs.values() for path in one.columns)
    if more or any(videos.values()):
        return "minor"
    if small or any(
        one.text or one.numbers or one.within or one.reviewed for one in configs.values()
    ):
        return "patch"
    return "none"


def _is_target(path: str) -> bool:
    """Return whether a column says what an exercise asks for, so that its judgements differ."""
    return path.rpartition(".")[2] in ("target_low", "target_high", "tolerance")


def _schema_changes(
    before: OpenedRelease, after: OpenedRelease
) -> tuple[list[str], list[str], list[str]]:
    """Find tables added, changes of schemas that may break readers, changes of descriptions.

    Readers name the table they read, so one that is added changes nothing for them.
    """
    added = [f"table {name} added" for name in sorted(set(after.tables) - set(before.tables))]
    breaking = [f"table {name} removed" for name in sorted(set(before.tables) - set(after.tables))]
    descriptions: list[str] = []
    for config in sorted(set(before.tables) & set(after.tables)):
        old, new = before.schema(config), after.schema(config)
        if old is not None and new is not None:
            _field_changes(config, field_list(old), field_list(new), breaking, descriptions)
            if sorted(old.names) == sorted(new.names) and old.names != new.names:
                breaking.append(f"{config}: columns in another order")
    return added, breaking, descriptions


def _field_changes(
    home: str,
    old: Sequence[JsonValue],
    new: Sequence[JsonValue],
    schema: list[str],
    descriptions: list[str],
) -> None:
    ours: dict[str, Any] = {one["name"]: one for one in old if isinstance(one, dict)}
    theirs: dict[str, Any] = {one["name"]: one for one in new if isinstance(one, dict)}
    schema += [f"{home}: column {name} removed" for name in ours if name not in theirs]
    schema += [f"{home}: column {name} added" for name in theirs if name not in ours]
    for name in [name for name in ours if name in theirs]:
        was, now = ours[name], theirs[name]
        schema += [
            f"{home}: {key} of {name} was {was[key]!r}, is {now[key]!r}"
            for key in ("type", "nullable", "unit")
            if was[key] != now[key]
        ]
        if was["description"] != now["description"]:
            descriptions.append(f"{home}: description of {name}")
        inner = (was.get("fields", []), now.get("fields", []))
        _field_changes(f"{home}.{name}", *inner, schema, descriptions)


def _version_changes(before: OpenedRelease, after: OpenedRelease) -> Iterator[str]:
    for name in sorted({*before.generator, *after.generator}):
        old, new = before.generator.get(name), after.generator.get(name)
        if old != new:
            yield f"{name}: {old or 'absent'} -> {new or 'absent'}"
    for file in changed_files(before, after):
        name = f"rule {file.removeprefix('rules/').removesuffix('.json')}"
        version = after.generator.get(name)
        same = version is not None and before.generator.get(name) == version
        yield f"{file}: other bytes" + (f", though it is version {version} as before" * same)


def _video_changes(before: OpenedRelease, after: OpenedRelease) -> dict[str, tuple[str, ...]]:
    old, new = before.split_of, after.split_of
    return {
        "added": tuple(sorted(set(new) - set(old))),
        "removed": tuple(sorted(set(old) - set(new))),
        "moved": tuple(sorted(v for v in set(old) & set(new) if old[v] != new[v])),
    }


def _config_changes(config: str, before: OpenedRelease, after: OpenedRelease) -> ConfigChanges:
    changes, names = ConfigChanges(), key_of(config)
    for video in sorted({*before.split_of, *after.split_of}):
        old, new = before.of(config, video), after.of(config, video)
        if old is None and new is None:
            continue
        causes = Causes(before, after, config, video)
        ours, theirs = _places(old, names), _places(new, names)
        for key in [key for key in theirs if key not in ours]:
            changes.added += 1
            changes.note(causes.of_new_row(key), f"added: {_named(names, key)}")
        for key in [key for key in ours if key not in theirs]:
            changes.removed += 1
            changes.note(causes.of_row_gone(key), f"removed: {_named(names, key)}")
        shared = [key for key in ours if key in theirs]
        if not shared or old is None or new is None:
            continue
        aligned = (
            old.take([ours[key] for key in shared]),
            new.take([theirs[key] for key in shared]),
        )
        reviewed = reviewed_rows(config, *aligned)
        changes.reviewed += len(reviewed)
        for row, paths in sorted(_compare_rows(*aligned, changes).items()):
            example = f"changed: {_named(names, shared[row])}: {', '.join(paths[:6])}"
            why = causes.of_row(paths, aligned[1], row)
            if row in reviewed:
                why = with_review(why, paths, same_generated=reviewed[row])
            changes.note(why, example)
    return changes


def _compare_rows(old: pa.Table, new: pa.Table, changes: ConfigChanges) -> dict[int, list[str]]:
    """Compare rows one by one, count them, and name the columns in which each differs."""
    first, second = flat_columns(old), flat_columns(new)
    text, numbers, within = (np.zeros(old.num_rows, bool) for _ in range(3))
    differing: dict[int, list[str]] = {}
    for path in [path for path in first if path in second and not _is_provenance(path)]:
        one, other = first[path], second[path]
        lengths = [np.bincount(column.rows, minlength=old.num_rows) for column in (one, other)]
        moved = lengths[0] != lengths[1]
        left, right = (c.values.filter(pa.array(~moved[c.rows])) for c in (one, other))
        rows = one.rows[~moved[one.rows]]
        is_number = pa.types.is_floating(left.type) or pa.types.is_integer(left.type)
        beyond, close = _differences(one, left, right, changes)
        moved[rows[beyond]] = True
        within[rows[close]] = True
        (numbers if is_number else text)[moved] = True
        if moved.any():
            changes.columns[path] += int(moved.sum())
        for row in np.flatnonzero(moved).tolist():
            differing.setdefault(row, []).append(path)
    changes.text += int(text.sum())
    changes.numbers += int(numbers.sum())
    changes.within += int((within & ~text & ~numbers).sum())
    changes.same += int((~text & ~numbers & ~within).sum())
    return differing


def _differences(
    column: FlatColumn, old: pa.Array, new: pa.Array, changes: ConfigChanges
) -> tuple[BoolArray, BoolArray]:
    """Find the values that differ, and those that differ within the tolerance."""
    nulls = _array(pc.not_equal(pc.is_null(old), pc.is_null(new))).astype(bool)
    none = np.zeros(len(old), bool)
    if old.type != new.type:
        return ~none, none
    if not pa.types.is_floating(old.type):
        return _array(pc.fill_null(pc.not_equal(old, new), False)).astype(bool) | nulls, none
    moved = np.abs(_array(new).astype(float) - _array(old).astype(float))
    moved = np.nan_to_num(moved, nan=0.0, posinf=np.inf)
    if len(moved) and moved.max() > 0.0:
        most = changes.largest.get(column.path, 0.0)
        changes.largest[column.path] = max(most, float(moved.max()))
    beyond = (moved > TOLERANCES.get(column.unit, PLAIN_TOLERANCE)) | nulls
    return beyond, (moved > 0.0) & ~beyond


def _array(values: pa.Array) -> Any:  # noqa: ANN401
    return values.to_numpy(zero_copy_only=False)


def _is_provenance(path: str) -> bool:
    """Digests, versions and verdicts are why a row changed; they are no change of it."""
    return path.startswith("provenance.") or path == "rule_version" or is_of_review(path)


def _places(table: pa.Table | None, names: Sequence[str]) -> dict[tuple[Any, ...], int]:
    """Find the row of each key; a key that comes again is numbered."""
    if table is None or not set(names) <= set(table.column_names):
        return {}
    turns: Counter[tuple[Any, ...]] = Counter()
    places = {}
    columns = (table[name].to_pylist() for name in names)
    for row, key in enumerate(zip(*columns, strict=True)):
        turns[key] += 1
        places[(*key, turns[key])] = row
    return places


def _named(names: Sequence[str], key: Sequence[Any]) -> str:
    return ", ".join(f"{n} {v}" for n, v in zip(names, key[: len(names)], strict=True))
