"""A release opened for reading, and why its rows differ from those of another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.released.manifest import read_manifest
from qevd_bio.released.review_cause import REVIEW, dropped_rows
from qevd_bio.released.rows import SplitRows, open_split
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.tables.published import DEFAULT_TABLE

_CAPTURE_STAGES = ("stage kinematics", "stage quality")
_SOURCE_COLUMNS = {
    "feedback_original",
    "timestamp_s",
    "exercise_text",
    "is_transition",
    "time_s",
}


class OpenedRelease:
    """A release ready to be read; of its tables only `configs`, where these are named."""

    def __init__(self, folder: Path, configs: Collection[str] | None = None) -> None:
        manifest = read_manifest(folder)
        self.manifest: Mapping[str, Any] = manifest
        self.version: str = manifest["version"]
        self.generator: Mapping[str, str] = manifest["generator"]
        self.made_with: Mapping[str, str] = manifest.get("made_with", {})
        self.videos: Mapping[str, Any] = manifest["videos"]
        self.split_of = {video: one["split"] for video, one in self.videos.items()}
        self.tables: dict[str, dict[str, SplitRows]] = {
            config: {split: open_split(folder, entry["shards"]) for split, entry in splits.items()}
            for config, splits in manifest["configs"].items()
            if configs is None or config in configs
        }

    def schema(self, config: str) -> pa.Schema | None:
        """Return the schema of a table's first shard; None where it has no rows."""
        for rows in self.tables.get(config, {}).values():
            if rows.shards:
                schema: pa.Schema = rows.shards[0].schema
                return schema
        return None

    def of(self, config: str, video: str) -> pa.Table | None:
        """Read a video's rows; None where the table or the video is absent."""
        rows = self.tables.get(config, {}).get(self.split_of.get(video, ""))
        return rows.of(video) if rows is not None and rows.shards else None

    def tables_of(self, video: str) -> VideoRows:
        """Read all rows of a video, by table; a table without rows in its split is absent."""
        found = {config: self.of(config, video) for config in self.tables}
        return VideoRows({config: rows for config, rows in found.items() if rows is not None})


class Causes:
    """Why the rows of a video changed, as far as manifests and rows show."""

    def __init__(
        self, before: OpenedRelease, after: OpenedRelease, config: str, video: str
    ) -> None:
        old, new = before.generator, after.generator
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        has_rules = any(
            "exercise" in schema.names
            for schema in (before.schema(config), after.schema(config))
            if schema is not None
        )
        parts = [one.partition(" ") for one in changed]
        self._rules = {name for part, _, name in parts if part in ("rule", "reference")}
        files = changed_files(before, after)
        self._rules |= {_rule_of(name) for name in files if name.startswith("rules/")}
        self._rules = self._rules if has_rules else set()
        self._capture_version = any(name in _CAPTURE_STAGES for name in changed)
        self._code = any(
            name in ("qevd_bio", "policy")
            or (name.startswith("stage ") and name not in _CAPTURE_STAGES)
            for name in changed
        ) or any(name.startswith("prompts/") for name in files)
        self._is_new = video not in before.split_of or video not in after.split_of
        self._moved = before.split_of.get(video) != after.split_of.get(video)
        mine, theirs = before.videos.get(video, {}), after.videos.get(video, {})
        self._recaptured = _capture(mine) != _capture(theirs)
        self._source = mine.get("source_faults") != theirs.get("source_faults")
        self._dropped = [
            dropped_rows(one.manifest, video) if config == DEFAULT_TABLE else frozenset()
            for one in (before, after)
        ]

    def of_new_row(self, key: Sequence[Any]) -> list[str]:
        """Name the causes of a row that the earlier release does not have."""
        return [REVIEW] if key[1] in self._dropped[0] else self._of_video()

    def of_row_gone(self, key: Sequence[Any]) -> list[str]:
        """Name the causes of a row that the later release does not have."""
        return [REVIEW] if key[1] in self._dropped[1] else self._of_video()

    def _of_video(self) -> list[str]:
        if self._is_new or self._moved:
            return ["source"]
        return self._common(rules=bool(self._rules)) or ["unknown"]

    def of_row(self, paths: Sequence[str], table: pa.Table, row: int) -> list[str]:
        """Name the causes of a changed row."""
        exercise = table["exercise"][row].as_py() if "exercise" in table.column_names else None
        causes = self._common(rules=exercise in self._rules)
        if _SOURCE_COLUMNS & set(paths) and "source" not in causes:
            causes = ["source", *causes]
        return causes or ["unknown"]

    def _common(self, *, rules: bool) -> list[str]:
        found = (
            ("source", self._source or self._moved),
            ("capture", self._recaptured),
            ("rules", rules),
            ("code", self._code or (self._recaptured and self._capture_version)),
        )
        return [cause for cause, holds in found if holds]


def changed_files(before: OpenedRelease, after: OpenedRelease) -> list[str]:
    """Name the rules and prompts with other bytes in two releases that both carry them."""
    both = set(before.made_with) & set(after.made_with)
    return sorted(name for name in both if before.made_with[name] != after.made_with[name])


def _rule_of(path: str) -> str:
    return path.removeprefix("rules/").removesuffix(".json")


def _capture(video: Mapping[str, Any]) -> object:
    return video.get("artifacts", {}).get("kinematics")
