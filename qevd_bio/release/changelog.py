"""The changelog of the data: what a release holds more or less than the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.visible_text import visible
from qevd_bio.released.contents import CHANGELOG_FILE, RESTORE, SUMS_FILE, Contents
from qevd_bio.released.manifest import read_manifest
from qevd_bio.tables.columns import SCHEMA_VERSION

MOST_CHANGELOG_BYTES = 1 << 26

_HEAD = "# Changelog of the data\n"


@dataclass(frozen=True, slots=True)
class PreviousRelease:
    """The release that a new one follows: version, digest of its SHA256SUMS, and manifest.

    `entries` is its changelog without the heading; empty where it has none.
    """

    version: str
    sums_sha256: str
    manifest: Mapping[str, Any]
    entries: str


def previous_release(folder: Path) -> PreviousRelease:
    """Read what a new release states of the one before it; errors of `read_manifest`."""
    manifest = read_manifest(folder)
    file = folder / CHANGELOG_FILE
    text = _text(file) if file.exists() else _HEAD
    if not text.startswith(_HEAD):
        raise DataError(
            f"does not begin with {_HEAD.strip()!r}", where=str(file), next_step=RESTORE
        )
    return PreviousRelease(
        version=str(manifest["version"]),
        sums_sha256=sha256_file(folder / SUMS_FILE),
        manifest=manifest,
        entries=text.removeprefix(_HEAD),
    )


def changelog_text(
    contents: Contents, splits: Mapping[str, str], previous: PreviousRelease | None
) -> str:
    """Write the changelog of a release: Markdown.

    `splits` has every video. The entries of the previous release stand below unchanged.
    """
    lines: list[str] = []
    if previous is None:
        lines += ["First release.", f"Schema version {SCHEMA_VERSION}."]
        configs: Mapping[str, Any] = {}
    else:
        before = previous.manifest
        configs = before["configs"]
        lines.append(f"After {previous.version}.")
        lines += _changed("schema version", before["schema_version"], SCHEMA_VERSION)
        lines += _video_lines(
            {name: one["split"] for name, one in before["videos"].items()}, splits
        )
        made, now = before["generator"], contents.generator
        for name in sorted({*made, *now}):
            lines += _changed(name, made.get(name, "none"), now.get(name, "none"))
        lines += [f"Table `{name}` is new." for name in contents.shards if name not in configs]
        lines += [f"Table `{name}` is gone." for name in configs if name not in contents.shards]
    if contents.review:
        verdicts: Mapping[str, Any] = contents.review
        counts = ", ".join(f"{count} {name}" for name, count in verdicts["verdicts"].items())
        lines.append(f"Verdicts of annotators: {counts}.")
    for config, of_config in contents.shards.items():
        for split in of_config:
            rows = contents.rows(config, split)
            old = configs.get(config, {}).get(split, {"rows": 0})["rows"]
            more = f" ({rows - old:+d})" if previous is not None and rows != old else ""
            lines.append(f"`{config}` {split}: {rows} rows{more}.")
    entry = "".join(f"\n- {visible(' '.join(line.split()))}" for line in lines) + "\n"
    return entry_head(contents.version) + entry + ("" if previous is None else previous.entries)


def entry_head(version: str) -> str:
    """Write what a changelog begins with: its heading, and that of the entry of a version."""
    return f"{_HEAD}\n## {version}\n"


def _video_lines(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    kinds = {
        "Videos added": [video for video in now if video not in before],
        "Videos removed": [video for video in before if video not in now],
        "Videos in another split": [v for v in now if v in before and now[v] != before[v]],
    }
    return [f"{what}: {', '.join(sorted(found))}." for what, found in kinds.items() if found]


def _changed(name: str, old: str, new: str) -> list[str]:
    return [] if old == new else [f"{name}: {old} → {new}."]


def _text(file: Path) -> str:
    try:
        return read_text_regular(file, most_bytes=MOST_CHANGELOG_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        cause = "is no UTF-8 text" if isinstance(error, ValueError) else str(error.strerror)
        raise DataError(cause, where=str(file), next_step=RESTORE) from error
