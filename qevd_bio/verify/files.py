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
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.open_regular import read_regular
from qevd_bio.files.path_containment import contained_path
from qevd_bio.files.strict_json import JsonValue, parse_json
from qevd_bio.released.contents import MANIFEST_FILE, SUMS_FILE
from qevd_bio.released.manifest import manifest_problems, unknown_statements
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
class Folder:
    """A folder, its regular files relative to it, and the verdict that takes its issues."""

    path: Path
    files: frozenset[str]
    verdict: Verdict

    def contains(self, name: str, where: str) -> bool:
        """Whether a name stays in the folder; an issue where it does not."""
        if any(one.kind == "path" and one.where == name for one in self.verdict.issues):
            # a link, listed where it lies
            return False
        try:
            contained_path(self.path, name, where=where)
        except DataError as error:
            self.verdict.add("path", where, error.message)
            return False
        return True

    def json(self, name: str) -> JsonValue:
        """Read a JSON file; None, and an issue, where that is not possible."""
        text = self.text(name)
        try:
            return None if text is None else parse_json(text, where=name)
        except DataError as error:
            self.verdict.add("unreadable", name, error.message)
            return None

    def text(self, name: str) -> str | None:
        """Read a file as text; None, and an issue, where that is not possible."""
        if name not in self.files:
            if not self.verdict.has(name):
                self.verdict.add("missing file", name, "every release has one")
            return None
        try:
            return read_regular(self.path / name, most_bytes=MOST_TEXT_BYTES).decode("utf-8")
        except OSError as error:
            self.verdict.add("unreadable", name, str(error.strerror or error))
        except UnicodeDecodeError as error:
            self.verdict.add("unreadable", name, f"is no UTF-8 text (byte {error.start})")
        return None


@dataclass(frozen=True, slots=True)
class Layout:
    """A release with a manifest that can be used.

    Attributes
    ----------
    folder : Folder
        Where it lies, and its files.
    manifest : mapping
        Read and of the right shape.
    shards : mapping of config to mapping of split to tuple of ShardEntry
        In the manifest's order.
    digests : mapping of str to str
        Sha256 of every file that could be read and that SHA256SUMS does not contradict.
    """

    folder: Folder
    manifest: Mapping[str, Any]
    shards: Mapping[str, Mapping[str, tuple[ShardEntry, ...]]]
    digests: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """The verdict that takes its issues."""
        return self.folder.verdict

    @property
    def is_current(self) -> bool:
        """Whether the tables have the schema version of this package."""
        return bool(self.manifest["schema_version"] == SCHEMA_VERSION)


def check_files(path: Path, verdict: Verdict) -> Layout | None:
    """Compare the files of a release with its sums and its manifest.

    None where the manifest cannot be used, so that nothing more can be checked. Links are named
    and not followed; nothing outside of the folder is opened.
    """
    folder = Folder(path, _regular_files(path, verdict), verdict)
    found = _check_sums(folder)
    manifest: Any = folder.json(MANIFEST_FILE)
    if manifest is None:
        return None
    problems = list(manifest_problems(manifest))
    for place, problem in problems:
        verdict.add("manifest", f"{MANIFEST_FILE} {place}", problem)
    if problems:
        return None
    named: dict[str, str] = {}
    shards = {
        config: {
            split: tuple(_entry(folder, one, named) for one in entry["shards"])
            for split, entry in splits.items()
        }
        for config, splits in manifest["configs"].items()
    }
    for name, written in sorted(named.items()):
        if name in folder.files and found.get(name, written) != written:
            verdict.add("sum", name, f"its bytes are not those {MANIFEST_FILE} names")
    for config, splits in shards.items():
        for split, entries in splits.items():
            _check_names(config, split, entries, verdict)
    tables = {one for one in folder.files if one.endswith(".parquet") and one.count("/") == 1}
    for extra in sorted(tables - set(named)):
        verdict.add("extra file", extra, f"{MANIFEST_FILE} does not name it")
    layout = Layout(folder, manifest, shards, found)
    for place, problem in unknown_statements(manifest) if layout.is_current else ():
        verdict.add("manifest", f"{MANIFEST_FILE} {place}", problem)
    return layout


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


def _check_sums(folder: Folder) -> dict[str, str]:
    """Hash every file; return the digests."""
    found, verdict = {}, folder.verdict
    for name in sorted(folder.files - {SUMS_FILE}):
        try:
            found[name] = sha256_file(folder.path / name)
        except DataError as error:
            verdict.add("unreadable", name, error.message)
    text = folder.text(SUMS_FILE)
    if text is None:
        return found
    written = _written_sums(folder, text)
    for name, digest in written.items():
        if name not in folder.files:
            verdict.add("missing file", name, f"{SUMS_FILE} names it and it is absent")
        elif name in found and found[name] != digest:
            verdict.add("sum", name, f"its bytes are not those {SUMS_FILE} names")
            # one issue is enough: the manifest's digest would differ, too
            del found[name]
    for name in sorted(set(found) - set(written)):
        verdict.add("extra file", name, f"{SUMS_FILE} does not name it")
    return found


def _written_sums(folder: Folder, text: str) -> dict[str, str]:
    """Read the digests that SHA256SUMS names, by file."""
    written: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match, where = _SUM.fullmatch(line), f"{SUMS_FILE} line {number}"
        if match is None:
            folder.verdict.add("sum", where, "is no digest and name")
        elif match[2] in written:
            folder.verdict.add("sum", where, f"names {match[2]!r} again")
        elif folder.contains(match[2], where):
            written[match[2]] = match[1]
    return written


def _entry(folder: Folder, shard: Mapping[str, Any], named: dict[str, str]) -> ShardEntry:
    path, verdict = shard["path"], folder.verdict
    inside = folder.contains(path, MANIFEST_FILE)
    present = inside and path in folder.files
    if path in named:
        verdict.add("manifest", MANIFEST_FILE, f"names {path!r} twice")
        present = False
    elif inside and not present:
        listed = any(one.kind == "missing file" and one.where == path for one in verdict.issues)
        if not listed:
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
