"""The files of a release: all there, none besides, every byte as it was written."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.files.contain import contained_path
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue, parse_json
from qevd_bio.release.contents import MANIFEST_FILE, SUMS_FILE
from qevd_bio.release.manifest import manifest_problems
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.verify.issues import Verdict

MOST_TEXT_BYTES = 1 << 28
"""A text file of a release that is larger is not read: no honest one comes near."""

_SUM = re.compile(r"([0-9a-f]{64})  ([^\n]+)")


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard as the manifest names it, and whether its file is there."""

    path: str
    rows: int
    present: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A release whose manifest can be used.

    Attributes
    ----------
    folder : Path
        Where it lies.
    manifest : mapping
        Read and of the right shape.
    shards : mapping of config to mapping of split to tuple of ShardEntry
        In the manifest's order.
    files : frozenset of str
        Regular files of the folder, relative to it.
    digests : mapping of str to str
        Sha256 of every file that could be read and that SHA256SUMS does not contradict.
    """

    folder: Path
    manifest: Mapping[str, Any]
    shards: Mapping[str, Mapping[str, tuple[ShardEntry, ...]]]
    files: frozenset[str]
    digests: Mapping[str, str]

    @property
    def is_current(self) -> bool:
        """Whether the tables have the schema version of this package."""
        return bool(self.manifest["schema_version"] == SCHEMA_VERSION)


def check_files(folder: Path, verdict: Verdict) -> Layout | None:
    """Compare the files of a release with its sums and its manifest.

    Returns
    -------
    Layout or None
        None where the manifest cannot be used, so that nothing more can be checked.

    Notes
    -----
    Links are named and not followed; nothing outside of the folder is opened.
    """
    files = _regular_files(folder, verdict)
    found = _check_sums(folder, files, verdict)
    manifest = _manifest(folder, files, verdict)
    if manifest is None:
        return None
    named: dict[str, str] = {}
    shards = {
        config: {
            split: tuple(_entry(folder, one, files, named, verdict) for one in entry["shards"])
            for split, entry in splits.items()
        }
        for config, splits in manifest["configs"].items()
    }
    for path, written in sorted(named.items()):
        if path in files and found.get(path, written) != written:
            verdict.add("sum", path, f"its bytes are not those {MANIFEST_FILE} names")
    for config, splits in shards.items():
        for split, entries in splits.items():
            _check_names(config, split, entries, verdict)
    tables = {name for name in files if name.endswith(".parquet") and name.count("/") == 1}
    for stranger in sorted(tables - set(named)):
        verdict.add("extra file", stranger, f"{MANIFEST_FILE} does not name it")
    return Layout(folder, manifest, shards, files, found)


def read_json_file(layout: Layout, name: str, verdict: Verdict) -> JsonValue:
    """Read a JSON file of a release; None, and an issue, where that is not possible."""
    return _json(layout.folder, name, layout.files, verdict)


def _regular_files(folder: Path, verdict: Verdict) -> frozenset[str]:
    files = set()
    for home, folders, names in os.walk(folder):
        for name in sorted([*folders, *names]):
            path = Path(home) / name
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                files.add(relative)
            elif not stat.S_ISDIR(mode):
                what = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
                verdict.add("path", relative, f"is {what}, which no release holds")
        folders.sort()
    return frozenset(files)


def _check_sums(folder: Path, files: frozenset[str], verdict: Verdict) -> dict[str, str]:
    """Hash every file; return the digests."""
    found = {}
    for name in sorted(files - {SUMS_FILE}):
        try:
            found[name] = sha256_file(folder / name)
        except DataError as error:
            verdict.add("unreadable", name, error.message)
    text = _text(folder, SUMS_FILE, files, verdict)
    if text is None:
        return found
    written = _written_sums(folder, text, verdict)
    for name, digest in written.items():
        if name not in files:
            verdict.add("missing file", name, f"{SUMS_FILE} names it and it is absent")
        elif name in found and found[name] != digest:
            verdict.add("sum", name, f"its bytes are not those {SUMS_FILE} names")
            # one issue is enough: the manifest's digest would differ, too
            del found[name]
    for name in sorted(set(found) - set(written)):
        verdict.add("extra file", name, f"{SUMS_FILE} does not name it")
    return found


def _written_sums(folder: Path, text: str, verdict: Verdict) -> dict[str, str]:
    """Read the digests that SHA256SUMS names, by file."""
    written: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match, where = _SUM.fullmatch(line), f"{SUMS_FILE} line {number}"
        if match is None:
            verdict.add("sum", where, "is no digest and name")
        elif match[2] in written:
            verdict.add("sum", where, f"names {match[2]!r} again")
        elif _contained(folder, match[2], where, verdict):
            written[match[2]] = match[1]
    return written


def _manifest(folder: Path, files: frozenset[str], verdict: Verdict) -> Mapping[str, Any] | None:
    manifest = _json(folder, MANIFEST_FILE, files, verdict)
    if manifest is None:
        return None
    problems = list(manifest_problems(manifest))
    for place, problem in problems:
        verdict.add("manifest", f"{MANIFEST_FILE} {place}", problem)
    return None if problems or not isinstance(manifest, Mapping) else manifest


def _entry(
    folder: Path,
    shard: Mapping[str, Any],
    files: frozenset[str],
    named: dict[str, str],
    verdict: Verdict,
) -> ShardEntry:
    path = shard["path"]
    present = path in files and _contained(folder, path, MANIFEST_FILE, verdict)
    if path in named:
        verdict.add("manifest", MANIFEST_FILE, f"names {path!r} twice")
        present = False
    elif (
        not present
        and _contained(folder, path, MANIFEST_FILE, verdict)
        and not any(one.kind == "missing file" and one.where == path for one in verdict.issues)
    ):
        verdict.add("missing file", path, f"{MANIFEST_FILE} names it and it is absent")
    named[path] = shard["sha256"]
    return ShardEntry(path, shard["rows"], present)


def _check_names(
    config: str, split: str, entries: tuple[ShardEntry, ...], verdict: Verdict
) -> None:
    for number, entry in enumerate(entries):
        if ".." in entry.path:
            continue
        if entry.rows == 0:
            verdict.add("manifest", entry.path, "has no rows; no release holds such a shard")
        expected = f"{config}/{split}-{number:05d}-of-{len(entries):05d}.parquet"
        if entry.path != expected:
            verdict.add("manifest", entry.path, f"shard {number} must be named {expected}")


def _contained(folder: Path, name: str, where: str, verdict: Verdict) -> bool:
    if any(one.kind == "path" and one.where == name for one in verdict.issues):
        # a link, listed where it lies
        return False
    try:
        contained_path(folder, name, where=where)
    except DataError as error:
        verdict.add("path", where, error.message)
        return False
    return True


def _json(folder: Path, name: str, files: frozenset[str], verdict: Verdict) -> JsonValue:
    text = _text(folder, name, files, verdict)
    if text is None:
        return None
    try:
        return parse_json(text, where=name)
    except DataError as error:
        verdict.add("unreadable", name, error.message)
        return None


def _text(folder: Path, name: str, files: frozenset[str], verdict: Verdict) -> str | None:
    if name not in files:
        if not verdict.has(name):
            verdict.add("missing file", name, "every release has one")
        return None
    path = folder / name
    if path.stat().st_size > MOST_TEXT_BYTES:
        verdict.add("unreadable", name, f"has more than {MOST_TEXT_BYTES} bytes")
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        verdict.add("unreadable", name, f"is no UTF-8 text ({error})")
        return None
