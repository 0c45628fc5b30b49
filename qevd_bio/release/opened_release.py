"""A release opened for reading, and why its rows differ from those of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.files.contain import contained_path
from qevd_bio.release.loading import read_manifest
from qevd_bio.release.rows import SplitRows, open_shard

_STAGE_OF_CAPTURE = ("stage kinematics", "stage quality")


class OpenedRelease:
    """A release ready to be read."""

    def __init__(self, folder: Path) -> None:
        self.manifest = read_manifest(folder)
        try:
            self.version: str = self.manifest["version"]
            self.generator: Mapping[str, str] = self.manifest["generator"]
            self.videos: Mapping[str, Any] = self.manifest["videos"]
            self.split_of = {video: one["split"] for video, one in self.videos.items()}
            listed = {
                (config, split): [shard["path"] for shard in entry["shards"]]
                for config, splits in self.manifest["configs"].items()
                for split, entry in splits.items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"is no manifest of a release ({error})",
                where=str(folder / "manifest.json"),
                next_step="`qevd-bio verify` names what is wrong with the release",
            ) from error
        self.tables: dict[str, dict[str, SplitRows]] = {}
        for (config, split), paths in listed.items():
            for path in paths:
                contained_path(folder, path, where=str(folder / "manifest.json"))
            rows = SplitRows([open_shard(folder, path) for path in paths])
            self.tables.setdefault(config, {})[split] = rows

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
        if rows is None or not rows.shards:
            return None
        return rows.of(video)


class Causes:
    """Why the rows of a video changed, as far as manifest and rows tell."""

    def __init__(
        self, before: OpenedRelease, after: OpenedRelease, config: str, video: str
    ) -> None:
        self._config, self._video = config, video
        old, new = before.generator, after.generator
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        self._rules = {name.removeprefix("rule ") for name in changed if name[:5] == "rule "}
        self._capture_version = any(name in _STAGE_OF_CAPTURE for name in changed)
        self._code = any(
            name in ("qevd_bio", "policy")
            or (name.startswith("stage ") and name not in _STAGE_OF_CAPTURE)
            for name in changed
        )
        self._is_new = video not in before.split_of or video not in after.split_of
        self._moved = before.split_of.get(video) != after.split_of.get(video)
        self._recaptured = _artifact(before, video) != _artifact(after, video)
        self._source = _faults(before, video) != _faults(after, video)

    def of_video(self) -> list[str]:
        """Name the causes of a row that is new or gone."""
        if self._is_new or self._moved:
            return ["source"]
        return self._common(rules=bool(self._rules)) or ["unknown"]

    def of_row(self, paths: Sequence[str], table: pa.Table, row: int) -> list[str]:
        """Name the causes of a changed row."""
        told = {"feedback_original", "timestamp_s", "exercise_text", "is_transition", "time_s"}
        exercise = table["exercise"][row].as_py() if "exercise" in table.column_names else None
        rules = exercise in self._rules
        causes = self._common(rules=rules)
        if told & set(paths) and "source" not in causes:
            causes = ["source", *causes]
        return causes or ["unknown"]

    def _common(self, *, rules: bool) -> list[str]:
        found = (
            ("source", self._source or self._moved),
            ("capture", self._recaptured),
            ("rules", rules and self._config not in ("kinematics", "quality")),
            ("code", self._code or (self._recaptured and self._capture_version)),
        )
        return [cause for cause, holds in found if holds]


def _artifact(opened: OpenedRelease, video: str) -> object:
    return opened.videos.get(video, {}).get("artifacts", {}).get("kinematics")


def _faults(opened: OpenedRelease, video: str) -> object:
    return opened.videos.get(video, {}).get("source_faults")
