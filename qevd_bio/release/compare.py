"""Two releases compared: rows, texts and numbers that changed, why, and which step that asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qevd_bio.errors import UsageError
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.release.configs import identity_of
from qevd_bio.release.features import field_list
from qevd_bio.release.flat_columns import leaves
from qevd_bio.release.opened_release import Causes, OpenedRelease
from qevd_bio.release.version_steps import Step, next_version, step_taken, suffices

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

RENUMBERED = ("cycles", "findings")
"""Tables whose rows are numbered as they are found: every correction of a rule or a capture may
take some away. The other tables' rows are named by the source, and others refer to them."""

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
    columns : Counter of str
        Rows that differ, by column.
    largest : dict of str to float
        Largest change of a number, by column, in its unit.
    causes : Counter of str
        Rows added, removed or changed, by cause; a row may have several.
    examples : list of str
        The first few in words.
    """

    added: int = 0
    removed: int = 0
    same: int = 0
    text: int = 0
    numbers: int = 0
    within: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    largest: dict[str, float] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def tell(self, example: str) -> None:
        """Keep an example, if there are not enough yet."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one release to the next.

    Attributes
    ----------
    old, new : str
        Versions.
    schema : tuple of str
        Changes that a reader's code may notice: columns, types, null, units, tables.
    wording : tuple of str
        Descriptions of columns that changed.
    versions : tuple of str
        Rules, stages and other parts of the generator that changed.
    videos : mapping of str to tuple of str
        Videos ``added``, ``removed`` and ``moved`` to the other split.
    configs : mapping of str to ConfigChanges
        By table.
    required : str
        The step of the version that the changes ask for.
    taken : str
        The step from the old version to the new one.
    fits : bool
        Whether the new version is high enough.
    """

    old: str
    new: str
    schema: tuple[str, ...]
    wording: tuple[str, ...]
    versions: tuple[str, ...]
    videos: Mapping[str, tuple[str, ...]]
    configs: Mapping[str, ConfigChanges]
    required: Step
    taken: Step
    fits: bool

    def as_json(self) -> dict[str, JsonValue]:
        """Tell the comparison as a JSON value."""
        return {
            "old": self.old,
            "new": self.new,
            "required": self.required,
            "taken": self.taken,
            "fits": self.fits,
            "schema": list(self.schema),
            "wording": list(self.wording),
            "versions": list(self.versions),
            "videos": {name: list(found) for name, found in self.videos.items()},
            "tolerances": {**TOLERANCES, "": PLAIN_TOLERANCE},
            "configs": {
                name: {
                    **asdict(one),
                    "columns": dict(sorted(one.columns.items())),
                    "causes": dict(sorted(one.causes.items())),
                }
                for name, one in self.configs.items()
            },
        }


def compare_releases(old: Path, new: Path) -> Comparison:
    """Compare two releases, video by video.

    Parameters
    ----------
    old, new : Path
        Folders of releases.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        A folder is no release, or its version is none.
    DataError
        A table cannot be read.
    """
    before, after = OpenedRelease(old), OpenedRelease(new)
    schema, wording = _schema_changes(before, after)
    configs = {
        config: _config_changes(config, before, after)
        for config in sorted({*before.tables, *after.tables})
    }
    videos = _video_changes(before, after)
    required = _required(schema, wording, configs, videos)
    taken = step_taken(before.version, after.version)
    return Comparison(
        old=before.version,
        new=after.version,
        schema=schema,
        wording=wording,
        versions=tuple(_version_changes(before, after)),
        videos=videos,
        configs=configs,
        required=required,
        taken=taken,
        fits=suffices(before.version, after.version, required),
    )


def refuse_small_step(old: Path, new: Path) -> None:
    """Refuse a release whose version is too small for what changed since another.

    Raises
    ------
    UsageError
        Its version must be higher.
    DataError
        A release cannot be read.
    """
    found = compare_releases(old, new)
    if not found.fits:
        raise UsageError(
            f"the changes since {found.old} ask for a {found.required} step",
            where=f"version {found.new}",
            next_step=f"Publish as {next_version(found.old, found.required)}",
        )


def _required(
    schema: Sequence[str],
    wording: Sequence[str],
    configs: Mapping[str, ConfigChanges],
    videos: Mapping[str, Sequence[str]],
) -> Step:
    gone = any(one.removed for name, one in configs.items() if name not in RENUMBERED)
    if schema or gone or videos["removed"] or videos["moved"]:
        return "major"
    if any(one.added or one.removed for one in configs.values()) or any(videos.values()):
        return "minor"
    if wording or any(one.text or one.numbers or one.within for one in configs.values()):
        return "patch"
    return "none"


def _schema_changes(
    before: OpenedRelease, after: OpenedRelease
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    schema: list[str] = []
    wording: list[str] = []
    for config in sorted({*before.tables, *after.tables}):
        if config not in after.tables or config not in before.tables:
            word = "removed" if config not in after.tables else "added"
            schema.append(f"table {config} {word}")
            continue
        old, new = before.schema(config), after.schema(config)
        if old is not None and new is not None:
            _field_changes(config, field_list(old), field_list(new), schema, wording)
            if sorted(old.names) == sorted(new.names) and old.names != new.names:
                schema.append(f"{config}: columns in another order")
    return tuple(schema), tuple(wording)


def _field_changes(
    home: str,
    old: Sequence[JsonValue],
    new: Sequence[JsonValue],
    schema: list[str],
    wording: list[str],
) -> None:
    ours: dict[str, Any] = {one["name"]: one for one in old if isinstance(one, dict)}
    theirs: dict[str, Any] = {one["name"]: one for one in new if isinstance(one, dict)}
    schema += [f"{home}: column {name} removed" for name in ours if name not in theirs]
    schema += [f"{home}: column {name} added" for name in theirs if name not in ours]
    for name in [name for name in ours if name in theirs]:
        for key in ("type", "nullable", "unit"):
            if ours[name][key] != theirs[name][key]:
                told = f"{key} of {name} was {ours[name][key]!r}, is {theirs[name][key]!r}"
                schema.append(f"{home}: {told}")
        if ours[name]["description"] != theirs[name]["description"]:
            wording.append(f"{home}: description of {name}")
        inner = (ours[name].get("fields", []), theirs[name].get("fields", []))
        _field_changes(f"{home}.{name}", *inner, schema, wording)


def _version_changes(before: OpenedRelease, after: OpenedRelease) -> Iterator[str]:
    for name in sorted({*before.generator, *after.generator}):
        old, new = before.generator.get(name), after.generator.get(name)
        if old != new:
            yield f"{name}: {old or 'absent'} -> {new or 'absent'}"


def _video_changes(before: OpenedRelease, after: OpenedRelease) -> dict[str, tuple[str, ...]]:
    old, new = before.split_of, after.split_of
    return {
        "added": tuple(sorted(set(new) - set(old))),
        "removed": tuple(sorted(set(old) - set(new))),
        "moved": tuple(sorted(v for v in set(old) & set(new) if old[v] != new[v])),
    }


def _config_changes(config: str, before: OpenedRelease, after: OpenedRelease) -> ConfigChanges:
    changes = ConfigChanges()
    for video in sorted({*before.split_of, *after.split_of}):
        old, new = before.of(config, video), after.of(config, video)
        if old is None and new is None:
            continue
        causes = Causes(before, after, config, video)
        _compare_video(config, video, old, new, causes, changes)
    return changes


def _compare_video(
    config: str,
    video: str,
    old: pa.Table | None,
    new: pa.Table | None,
    causes: Causes,
    changes: ConfigChanges,
) -> None:
    names = identity_of(config)
    ours, theirs = _places(old, names), _places(new, names)
    shared = [key for key in ours if key in theirs]
    for word, keys in (
        ("added", [key for key in theirs if key not in ours]),
        ("removed", [key for key in ours if key not in theirs]),
    ):
        setattr(changes, word, getattr(changes, word) + len(keys))
        for key in keys:
            changes.causes.update(causes.of_video())
            changes.tell(f"{word}: {_named(names, key)}")
    if not shared or old is None or new is None:
        return
    first = {leaf.path: leaf for leaf in leaves(old.take([ours[key] for key in shared]))}
    second = {leaf.path: leaf for leaf in leaves(new.take([theirs[key] for key in shared]))}
    text, numbers, within = (np.zeros(len(shared), bool) for _ in range(3))
    differing: dict[int, list[str]] = {}
    for path in [path for path in first if path in second and not _is_provenance(path)]:
        a, b = first[path], second[path]
        lengths = [np.bincount(one.rows, minlength=len(shared)) for one in (a, b)]
        resized = lengths[0] != lengths[1]
        rows_a = a.rows[~resized[a.rows]]
        left, right = (
            a.values.filter(pa.array(~resized[a.rows])),
            b.values.filter(pa.array(~resized[b.rows])),
        )
        is_number = pa.types.is_floating(a.values.type) or pa.types.is_integer(a.values.type)
        changed, close = _differences(path, a.field, left, right, changes)
        moved = resized.copy()
        moved[rows_a[changed]] = True
        (numbers if is_number else text)[moved] = True
        within[rows_a[close]] = True
        if moved.any():
            changes.columns[path] += int(moved.sum())
            for row in np.flatnonzero(moved).tolist():
                differing.setdefault(row, []).append(path)
    changes.text += int(text.sum())
    changes.numbers += int(numbers.sum())
    changes.within += int((within & ~text & ~numbers).sum())
    changes.same += int((~text & ~numbers & ~within).sum())
    for row, paths in sorted(differing.items()):
        changes.causes.update(causes.of_row(paths, new, theirs[shared[row]]))
        changes.tell(f"changed: {_named(names, shared[row])}: {', '.join(paths[:6])}")


def _differences(
    path: str, column: pa.Field, old: pa.Array, new: pa.Array, changes: ConfigChanges
) -> tuple[Any, Any]:
    """Find the values that differ, and those that differ within the tolerance."""
    nulls = pc.not_equal(pc.is_null(old), pc.is_null(new)).to_numpy(zero_copy_only=False)
    if old.type != new.type or not pa.types.is_floating(old.type):
        unequal = np.ones(len(old), bool)
        if old.type == new.type:
            told = pc.fill_null(pc.not_equal(old, new), False)
            unequal = told.to_numpy(zero_copy_only=False)
        return unequal | nulls, np.zeros(len(old), bool)
    unit = (column.metadata or {}).get(b"unit", b"").decode()
    tolerance = TOLERANCES.get(unit, PLAIN_TOLERANCE)
    moved = np.abs(
        new.to_numpy(zero_copy_only=False).astype(float)
        - old.to_numpy(zero_copy_only=False).astype(float)
    )
    moved = np.nan_to_num(moved, nan=0.0, posinf=np.inf)
    if len(moved) and moved.max() > 0.0:
        changes.largest[path] = max(changes.largest.get(path, 0.0), float(moved.max()))
    beyond = (moved > tolerance) | nulls
    return beyond, (moved > 0.0) & ~beyond


def _is_provenance(path: str) -> bool:
    """Digests and versions tell why a row changed; they are no change of it."""
    return path.startswith("provenance.") or path == "rule_version"


def _places(table: pa.Table | None, names: Sequence[str]) -> dict[tuple[Any, ...], int]:
    """Find the row of each key; what comes again is told apart by its turn."""
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
