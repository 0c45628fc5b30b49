"""The split folders of QEVD below a data root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import DataError

SPLIT_FOLDERS = {"train": "QEVD-FIT-COACH", "test": "QEVD-FIT-COACH-Benchmark"}
RECORDS_FILE = "feedbacks_long_range.json"


@dataclass(frozen=True, slots=True)
class SplitFolder:
    """One split on disk."""

    split: str
    folder: Path
    records_file: Path


def find_splits(data_root: Path) -> tuple[SplitFolder, ...]:
    """Find the splits below a data root, train first.

    Raises
    ------
    DataError
        The root is no folder, contains neither ``QEVD-FIT-COACH`` (train) nor
        ``QEVD-FIT-COACH-Benchmark`` (test), or a split lacks its records file.
    """
    if not data_root.is_dir():
        raise DataError(
            "is no folder",
            where=str(data_root),
            next_step=f"Give the folder that holds {' or '.join(SPLIT_FOLDERS.values())}",
        )
    splits = tuple(
        SplitFolder(split, data_root / name, data_root / name / RECORDS_FILE)
        for split, name in SPLIT_FOLDERS.items()
        if (data_root / name).is_dir()
    )
    if not splits:
        raise DataError(
            f"holds neither {' nor '.join(SPLIT_FOLDERS.values())}",
            where=str(data_root),
            next_step="Give the folder above the split folders",
        )
    for found in splits:
        if not found.records_file.is_file():
            raise DataError(
                f"has no {RECORDS_FILE}",
                where=str(found.folder),
                next_step="Copy the annotation file of the release there",
            )
    return splits
