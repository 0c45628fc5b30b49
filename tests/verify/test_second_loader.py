"""A loader written from the description of the format alone reads the drop-in of a release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.release.assembly import release_from
from qevd_bio.views.work_folder import annotation_rows
from tests.pipeline.sessions_made import SPLIT

# Made-up records, cut into segments by the original loader.
GOLDEN = Path(__file__).parents[1] / "golden" / "qevd" / "segments.json"


def spans_of(texts: list[str]) -> Iterator[tuple[str, int, int]]:
    """Maximal runs of equal text, last frame included; silence and an open end are none."""
    start = 0
    for frame in range(1, len(texts)):
        if texts[frame] != texts[start]:
            if texts[start]:
                yield texts[start], start, frame - 1
            start = frame


def read_segments(file: Path) -> Iterator[list[dict[str, Any]]]:
    """Give the segments of each record of an annotation file."""
    for record in json.loads(file.read_text(encoding="utf-8")):
        stamps = np.load(file.parent / record["video_timestamps"])
        seconds = stamps // 10**9 + (stamps % 10**9) / 1e9 + 28_800
        texts = [text.replace("armcrosschest", "deltoid stretch") for text in record["feedbacks"]]
        spans = list(spans_of(texts))
        assert len(spans) == len(record["feedback_timestamps"]) == len(record["is_transition"])
        announced = [i for i, is_transition in enumerate(record["is_transition"]) if is_transition]
        found = []
        for opening, closing in pairwise(announced):
            inside = range(opening + 1, closing)
            name = spans[opening][0]
            for piece in ("First up are ", "Moving on to ", "!"):
                name = name.replace(piece, "")
            _, first, last = spans[closing]
            segment = {
                "exercise_name": name,
                "exercise_start_timestamp": seconds[spans[opening][1]],
                "exercise_end_timestamp": seconds[first + (last - first) // 2],
                "responses": [spans[i][0] for i in inside],
                "response_timestamps": [record["feedback_timestamps"][i] for i in inside],
            }
            found += [segment] if segment["responses"] else []
        yield found


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))[:2]


def write_case(root: Path, index: int, case: dict[str, Any]) -> dict[str, Any]:
    """Write a golden case as a record with its frame times."""
    video = f"./long_range_videos/{index:04d}"
    (root / video).parent.mkdir(parents=True, exist_ok=True)
    (root / f"{video}.mp4").write_bytes(b"placeholder")
    stamps = accumulate([case["first_ns"], *(256 * step for step in case["steps_256ns"])])
    np.save(root / f"{video}_timestamps.npy", np.array(list(stamps)))
    return {
        "long_range_video_file": f"{video}.mp4",
        "video_timestamps": f"{video}_timestamps.npy",
        "feedbacks": [text for text, frames in case["feedbacks"] for _ in range(frames)],
        "feedback_timestamps": case["feedback_timestamps"],
        "is_transition": case["is_transition"],
    }


def test_it_finds_the_same_segments_with_the_new_sentences(walk, tmp_path: Path, cases) -> None:
    root = tmp_path / "QEVD"
    records = [write_case(root / SPLIT, index, case) for index, case in enumerate(cases)]
    (root / SPLIT / "feedbacks_long_range.json").write_text(json.dumps(records))
    assert list(read_segments(root / SPLIT / "feedbacks_long_range.json")) == [
        case["segments"] for case in cases
    ]

    pipeline = walk(root, depth=0.6)
    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    dropped = folder / "drop_in" / SPLIT / "feedbacks_long_range.json"
    target = root / SPLIT / "feedbacks_long_range.json"
    target.write_bytes(dropped.read_bytes())
    new = {row["timestamp_s"]: row["feedback"] for row in annotation_rows(pipeline)}
    changed = [row for row in annotation_rows(pipeline) if row["status"] == "rewritten"]
    assert changed, "a case in which nothing is rewritten shows nothing"
    assert list(read_segments(target)) == [
        [
            segment | {"responses": [new[time] for time in segment["response_timestamps"]]}
            for segment in case["segments"]
        ]
        for case in cases
    ]
