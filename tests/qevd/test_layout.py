from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.errors import DataError
from qevd_bio.qevd.layout import find_splits


def _split(root: Path, folder: str) -> None:
    (root / folder).mkdir(parents=True)
    (root / folder / "feedbacks_long_range.json").write_text("[]")


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (["QEVD-FIT-COACH"], ["train"]),
        (["QEVD-FIT-COACH-Benchmark"], ["test"]),
        (["QEVD-FIT-COACH-Benchmark", "QEVD-FIT-COACH", "other"], ["train", "test"]),
    ],
    ids=["train only", "test only", "both and a stranger"],
)
def test_splits_present_are_found(tmp_path: Path, folders: list[str], splits: list[str]) -> None:
    for folder in folders:
        _split(tmp_path, folder)
    assert [found.split for found in find_splits(tmp_path)] == splits


def test_root_without_splits_names_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds neither QEVD-FIT-COACH nor"):
        find_splits(tmp_path)


def test_absent_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: is no folder"):
        find_splits(tmp_path / "nowhere")


def test_split_without_records_file_is_named(tmp_path: Path) -> None:
    _split(tmp_path, "QEVD-FIT-COACH")
    (tmp_path / "QEVD-FIT-COACH-Benchmark").mkdir()
    with pytest.raises(DataError, match=r"Benchmark: has no feedbacks_long_range\.json"):
        find_splits(tmp_path)
