"""The records a release is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.files.strict_json import JsonValue

MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class PublishedVideo:
    """One video that reached the end.

    Attributes
    ----------
    video_id, split : str
        Which video, and where it belongs.
    artifacts : mapping of config to Path
        The artifact that holds this video's rows of each config of `qevd_bio.release.configs`.
    faults : tuple of str
        What is wrong with its source record.
    """

    video_id: str
    split: str
    artifacts: Mapping[str, Path]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingVideo:
    """One video, or record, of the source that is not in the release."""

    video_id: str
    split: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file of a release.

    Attributes
    ----------
    path : str
        Relative to the release, with forward slashes.
    rows, arrow_bytes, file_bytes : int
        Number of rows; size in memory and on disk.
    sha256 : str
        Of the file.
    """

    path: str
    rows: int
    arrow_bytes: int
    file_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a release holds, as its manifest and card tell it.

    Attributes
    ----------
    shards : mapping of config to mapping of split to tuple of Shard
        Every config and every split that has a video; no shards where there are no rows.
    statuses : mapping of split to mapping of status to int
        Number of utterances.
    videos : mapping of split to int
        Number of videos.
    generator : mapping of str to str
        What made the release: names and versions.
    missing : tuple of MissingVideo
        What the source holds and the release does not.
    faults : mapping of video to sequence of str
        What is wrong with the source records of published videos.
    date, url : str or None
        Day of publishing (ISO 8601) and address of the release, where they are known.
    previous : mapping of str to str, or None
        Version, and digest of SHA256SUMS, of the release before this one.
    """

    version: str
    generator: Mapping[str, str]
    shards: Mapping[str, Mapping[str, tuple[Shard, ...]]]
    statuses: Mapping[str, Mapping[str, int]]
    videos: Mapping[str, int]
    missing: tuple[MissingVideo, ...]
    faults: Mapping[str, Sequence[str]]
    date: str | None = None
    url: str | None = None
    previous: Mapping[str, str] | None = None

    def rows(self, config: str, split: str) -> int:
        """Count the rows of a config and split."""
        return sum(shard.rows for shard in self.shards[config][split])

    def as_json(self) -> dict[str, JsonValue]:
        """Tell the contents as a JSON value."""
        return {
            "version": self.version,
            "previous_release": None if self.previous is None else dict(self.previous),
            "generator": dict(self.generator),
            "splits": {split: {"videos": count} for split, count in self.videos.items()},
            "configs": {
                config: {
                    split: {
                        "rows": self.rows(config, split),
                        "shards": [_shard_json(shard) for shard in shards],
                    }
                    for split, shards in splits.items()
                }
                for config, splits in self.shards.items()
            },
            "statuses": {split: dict(counts) for split, counts in self.statuses.items()},
            "missing": [
                {
                    "video_id": one.video_id,
                    "split": one.split,
                    "stage": one.stage,
                    "reason": one.reason,
                }
                for one in self.missing
            ],
        }


def _shard_json(shard: Shard) -> JsonValue:
    return {
        "path": shard.path,
        "rows": shard.rows,
        "bytes": shard.file_bytes,
        "sha256": shard.sha256,
    }


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk.

    Attributes
    ----------
    folder : Path
        Where it lies.
    contents : Contents
        What it holds.
    files : tuple of str
        Its files, relative to the folder, in the order of SHA256SUMS, which comes last.
    """

    folder: Path
    contents: Contents
    files: tuple[str, ...]
