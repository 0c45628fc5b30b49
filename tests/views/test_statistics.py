"""Counting utterances, by hand and from disk."""

from __future__ import annotations

from typing import Any

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.released.contents import Release
from qevd_bio.views.statistics import (
    NO_EXERCISE,
    exercise_type,
    split_statistics,
    statistics_of,
    statistics_tables,
)
from tests.release.made_artifacts import annotation, kept


def refused(video: str, index: int, status: str, reason: str, **changed: Any) -> dict[str, Any]:
    return annotation(video, index, status=status, reason=reason, **changed)


ROWS = [
    annotation("0001", 0),
    refused("0001", 1, "unsupported", "depth is not violated as the words say: knee flexion 98°"),
    refused("0001", 2, "unsupported", "depth is not violated as the words say: knee flexion 97°"),
    refused("0001", 3, "no_cycle", "no complete cycle", segment_index=1, exercise="plank"),
    kept("0001", 4) | {"kind": "transition", "exercise": None, "exercise_text": None},
    annotation("0002", 0, exercise="quad_stretch_left"),
    annotation("0002", 1, exercise="quad_stretch_right", segment_index=1, kind="instructional"),
    refused(
        "0002", 2, "unmeasurable", "no rule", exercise=None, exercise_text="zorbing",
        segment_index=2,
    ),
]  # fmt: skip


def test_a_split_counted_by_hand() -> None:
    found = split_statistics(ROWS, paper_videos=2, paper_types=3)
    counts = found.counts
    assert (counts.videos, counts.segments, counts.utterances) == (2, 5, 8)
    assert counts.kinds == {"corrective": 6, "instructional": 1, "transition": 1}
    assert counts.statuses == {
        "kept": 1,
        "no_cycle": 1,
        "rewritten": 3,
        "unmeasurable": 1,
        "unsupported": 2,
    }
    assert counts.refusals == {
        "no_cycle: no complete cycle": 1,
        "unmeasurable: no rule": 1,
        "unsupported: depth is not violated as the words say": 2,
    }
    assert (counts.rewritable, counts.rewritten) == (7, 3)
    assert counts.rewritten_share == pytest.approx(3 / 7)
    assert list(found.exercises) == [NO_EXERCISE, "plank", "quad_stretch", "squat", "zorbing"]
    stretch = found.exercises["quad_stretch"]
    assert (stretch.videos, stretch.segments, stretch.rewritten) == (1, 2, 2)
    assert (found.types, found.is_complete) == (3, True)
    assert not split_statistics(ROWS, paper_videos=3, paper_types=3).is_complete


def test_nothing_is_no_share() -> None:
    found = split_statistics([], paper_videos=74, paper_types=23)
    assert (found.counts.utterances, found.counts.rewritten_share) == (0, None)
    assert not found.is_complete


@pytest.mark.parametrize(
    ("exercise", "folded"),
    [("quad_stretch_left", "quad_stretch"), ("deltoid_stretch_right", "deltoid_stretch"),
     ("squat", "squat")],
)  # fmt: skip
def test_sides_are_one_type(exercise: str, folded: str) -> None:
    assert exercise_type(exercise) == folded


def test_a_release_is_counted_from_its_tables(release: Release) -> None:
    found = statistics_of(release.folder)
    assert {s: (one.counts.videos, one.paper_videos) for s, one in found.items()} == {
        "train": (2, 149),
        "test": (1, 74),
    }
    assert found["train"].counts.statuses == {"kept": 2, "rewritten": 2}
    assert found["train"].paper_types == 23
    tables = statistics_tables(found)
    assert tables[0][1][0] == ("train", "2 of 149", "1 of 23", 2, 4, 4, "2 (50 %)", "no")
    assert all(len(header) == len(row) for header, rows in tables for row in rows)


def test_a_folder_that_is_neither_is_named(tmp_path) -> None:
    with pytest.raises(UsageError, match="no release"):
        statistics_of(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        statistics_of(tmp_path / "absent")
