"""The manifest against folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from qevd_bio.qevd.completeness import SplitCount, split_counts
from qevd_bio.qevd.load import load_records


def test_counts_records_and_files(tmp_path: Path) -> None:
    folder = tmp_path / "QEVD-FIT-COACH"
    (folder / "long_range_videos").mkdir(parents=True)
    records = [
        {
            "long_range_video_file": f"./long_range_videos/{video}.mp4",
            "video_timestamps": f"./long_range_videos/{video}_timestamps.npy",
            "feedbacks": ["", ""],
            "feedback_timestamps": [],
            "is_transition": [],
        }
        for video in ("0001", "0002", "0003")
    ]
    (folder / "feedbacks_long_range.json").write_text(json.dumps(records), encoding="utf-8")
    for video in ("0001", "0002"):
        (folder / "long_range_videos" / f"{video}.mp4").write_bytes(b"")
    stamps = np.array([10**18, 10**18 + 10**7])
    np.save(folder / "long_range_videos" / "0001_timestamps.npy", stamps)
    assert split_counts(load_records(tmp_path)) == [
        SplitCount("train", expected=149, records=3, present=1),
        SplitCount("test", expected=74, records=0, present=0),
    ]
