"""Whether a data root holds what the public data set must contain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import read_json
from qevd_bio.qevd.record import LoadedRecords, Record

MANIFEST = "qevd_fit_coach.json"


@dataclass(frozen=True, slots=True)
class SplitCount:
    """Videos of one split: expected by the manifest, named in records, present on disk."""

    split: str
    expected: int
    records: int
    present: int


def split_counts(loaded: LoadedRecords) -> list[SplitCount]:
    """Compare the records and videos of a data root with the manifest of QEVD-FIT-COACH.

    Parameters
    ----------
    loaded : LoadedRecords
        The records of the data root.

    Returns
    -------
    list of SplitCount
        One a split of the manifest, in its order.
    """
    return [
        SplitCount(split, expected, len(records), sum(map(_is_present, records)))
        for split, expected in _expected(asset_path("manifests", MANIFEST))
        for records in [[record for record in loaded.records if record.split == split]]
    ]


def _is_present(record: Record) -> bool:
    return record.video_file.is_file() and record.timestamps_file.is_file()


def _expected(path: Path) -> list[tuple[str, int]]:
    content = read_json(path, next_step="Reinstall qevd_bio")
    splits = content.get("splits") if isinstance(content, dict) else None
    if not isinstance(splits, list):
        raise DataError("names no splits", where=str(path), next_step="Reinstall qevd_bio")
    return [(str(one["split"]), int(one["videos"])) for one in splits]
