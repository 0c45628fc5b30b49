"""The records a release is made of, and the names of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.verdicts.applied import AppliedVerdict, AppliedVerdicts

SPLITS: tuple[str, ...] = tuple(SPLIT_FOLDERS)

CARD_FILE = "README.md"
CHANGELOG_FILE = "CHANGELOG.md"
CROISSANT_FILE = "croissant.json"
MANIFEST_FILE = "manifest.json"
SUMS_FILE = "SHA256SUMS"

RESTORE = f"Restore the release; sha256sum -c {SUMS_FILE} names every damaged file"
"""Next step for a release with bytes that differ from those published."""


@dataclass(frozen=True, slots=True)
class PublishedVideo:
    """One video that reached the end.

    Attributes
    ----------
    video_id, split : str
        Which video, and where it belongs.
    artifacts : mapping of str to Path
        Artifact with this video's rows by table of `qevd_bio.tables.published`. Tables that
        are not required may be absent.
    issues : tuple of str
        What is wrong with its source record.
    verdicts : mapping of int to AppliedVerdict
        Verdicts of annotators on its sentences, by utterance.
    """

    video_id: str
    split: str
    artifacts: Mapping[str, Path]
    issues: tuple[str, ...] = ()
    verdicts: Mapping[int, AppliedVerdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class MissingVideo:
    """One video, or record, of the source that is not in the release."""

    video_id: str
    split: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseInput:
    """What a release is made of.

    Attributes
    ----------
    videos : sequence of PublishedVideo
        In any order.
    missing : sequence of MissingVideo
        What the source holds and the release does not, and why.
    drop_in : mapping of str to sequence
        Records of the source with the new sentences, by split folder.
    records : mapping of str to Table
        The same records as they were, from `qevd_bio.released.drop_in.records_table`.
    generator : mapping of str to str
        Names and versions of what made the release; it stands in every shard.
    review : AppliedVerdicts
        Policy and digest of the verdicts that the videos have.
    made_with : mapping of str to bytes
        Rules and prompts, by their path in the release, which carries them.
    concerns : mapping of str to str
        Published videos with a capture that gives reason to doubt it, and why.
    """

    videos: Sequence[PublishedVideo]
    missing: Sequence[MissingVideo] = ()
    drop_in: Mapping[str, Sequence[JsonValue]] = field(default_factory=dict)
    records: Mapping[str, pa.Table] = field(default_factory=dict)
    generator: Mapping[str, str] = field(default_factory=dict)
    review: AppliedVerdicts = field(default_factory=AppliedVerdicts)
    made_with: Mapping[str, bytes] = field(default_factory=dict)
    concerns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file of a release: its path there, rows, bytes in memory and on disk, digest."""

    path: str
    rows: int
    arrow_bytes: int
    file_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a release holds, as its manifest and card state it.

    Attributes
    ----------
    version : str
        Of the data.
    generator : mapping of str to str
        What made the release: names and versions.
    shards : mapping of config to mapping of split to tuple of Shard
        Every table that a video has, and every split that has a video; no shards where there
        are no rows.
    statuses : mapping of split to mapping of status to int
        Number of utterances.
    videos : mapping of split to int
        Number of videos.
    missing : tuple of MissingVideo
        What the source holds and the release does not.
    issues : mapping of video to sequence of str
        What is wrong with the source records of published videos.
    lacking : mapping of config to sequence of str
        Published videos without a table of the release.
    concerns : mapping of str to str
        Published videos with a capture that gives reason to doubt it, and why.
    left_out : mapping of config to sequence of str
        Columns that are null in the whole release, so not in its shards.
    date, url : str or None
        Day of publishing (ISO 8601) and address of the release, where they are known.
    previous : mapping of str to str, or None
        Version, and digest of SHA256SUMS, of the release before this one.
    review : mapping of str to JsonValue
        Verdicts of annotators that the rows have, see `qevd_bio.release.reviewed`; empty for none.
    """

    version: str
    generator: Mapping[str, str]
    shards: Mapping[str, Mapping[str, tuple[Shard, ...]]]
    videos: Mapping[str, int]
    statuses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    missing: tuple[MissingVideo, ...] = ()
    issues: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lacking: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    date: str | None = None
    url: str | None = None
    previous: Mapping[str, str] | None = None
    review: Mapping[str, JsonValue] = field(default_factory=dict)
    concerns: Mapping[str, str] = field(default_factory=dict)

    def rows(self, config: str, split: str) -> int:
        """Count the rows of a table and split."""
        return sum(shard.rows for shard in self.shards[config][split])

    def filled(self) -> dict[str, dict[str, tuple[Shard, ...]]]:
        """Keep tables and splits that have rows: loaders fail on empty ones."""
        found = {
            config: {split: shards for split, shards in splits.items() if shards}
            for config, splits in self.shards.items()
        }
        return {config: splits for config, splits in found.items() if splits}

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the contents out for the manifest."""
        return {
            "version": self.version,
            "previous_release": None if self.previous is None else dict(self.previous),
            "generator": dict(self.generator),
            "splits": {split: {"videos": count} for split, count in self.videos.items()},
            "configs": {
                config: {
                    split: {
                        "rows": self.rows(config, split),
                        "shards": [
                            {
                                "path": shard.path,
                                "rows": shard.rows,
                                "bytes": shard.file_bytes,
                                "sha256": shard.sha256,
                            }
                            for shard in shards
                        ],
                    }
                    for split, shards in splits.items()
                }
                for config, splits in self.shards.items()
            },
            "left_out": {config: list(names) for config, names in self.left_out.items()},
            "statuses": {split: dict(counts) for split, counts in self.statuses.items()},
            "missing": [asdict(one) for one in self.missing],
            **({"review": dict(self.review)} if self.review else {}),
            "concerns": dict(self.concerns),
        }


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk.

    `files` are relative to the folder, in the order of SHA256SUMS, which comes last.
    """

    folder: Path
    contents: Contents
    files: tuple[str, ...]
