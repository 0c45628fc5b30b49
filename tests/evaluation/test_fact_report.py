"""`bio-facts` over many pairs: sums, exercises, intervals; on the sentences of a release."""

from __future__ import annotations

import pytest

from qevd_bio.evaluation.fact_agreement import Tolerance
from qevd_bio.evaluation.fact_report import SCHEMA, fact_report, fact_rows
from qevd_bio.evaluation.pairs import Pair
from qevd_bio.released.loading import load_table, splits_of
from qevd_bio.tables.parquet import rows_table
from tests.evaluation.archived import unpacked
from tests.evaluation.planted import planted_pairs

PLANTED = planted_pairs(210, seed=20)
PAIRS = [
    Pair(f"v{i // 7}_0:{i}", f"v{i // 7}", one.exercise, "matched", one.true, one.predicted)
    for i, one in enumerate(PLANTED)
]
T = "Right knee flexion 85° (target: 90°). Increase right knee flexion by 5° at the bottom phase."


def report(pairs, tolerance=Tolerance()):  # noqa: B008
    rows = fact_rows(pairs, tolerance)
    assert rows_table(rows, SCHEMA).num_rows == len(pairs)
    return fact_report(rows, tolerance, draws=200)


def test_planted_differences_are_counted_each_where_it_belongs():
    found = report(PAIRS).overall
    count = len(PAIRS) // 7
    assert found.facts_true == len(PAIRS) and found.facts_matched == len(PAIRS) - count
    assert found.facts_predicted == found.facts_matched
    for name in ("side", "value", "target", "direction", "amount", "phase"):
        assert found.wrong[name].count == count, name
    assert found.value_error_deg.count == 30.0 * count
    assert found.sessions == 30
    assert found.f1.interval[0] < found.f1.value < found.f1.interval[1] < 1.0


def test_the_sums_by_hand():
    pairs = [
        Pair("a", "", "squat", "matched", T, T.replace("85", "60")),  # 6 of 7
        Pair("b", "", "squat", "matched", T, "bend your knees 5 degrees more"),  # 3 of 3, of 7
        Pair("c", "", "squat", "missed", T, ""),
        Pair("d", "", None, "extra", "", "Hip flexion 60°."),
        Pair("e", "", None, "matched", "Good job!", "Keep it up!"),
    ]
    found = report(pairs)
    assert found.kinds == {"extra": 1, "matched": 3, "missed": 1}
    overall = found.overall
    assert (overall.precision.count, overall.precision.total) == (9, 7 + 3 + 2)
    assert (overall.recall.count, overall.recall.total) == (9, 21)
    assert overall.f1.value == pytest.approx(2 * 9 / (12 + 21))
    assert (overall.value_error_deg.value, overall.value_error_deg.total) == (25.0, 1)
    assert found.by_exercise["squat"].recall.total == 21
    assert found.by_exercise["(none)"].precision.value == 0.0
    assert found.by_exercise["(none)"].recall.value is None


def test_the_tolerance_decides_what_counts_and_not_what_is_listed():
    pairs = [Pair("a", "", "squat", "matched", T, T.replace("85", "77"))]
    rows = fact_rows(pairs, Tolerance())
    (difference,) = rows[0]["differences"]
    assert (difference["detail"], difference["error"]) == ("value", -8.0)
    assert report(pairs).overall.f1.value == pytest.approx(6 / 7)
    assert report(pairs, Tolerance(deg=8.0)).overall.f1.value == 1.0


def test_a_release_agrees_with_itself_and_numbers_are_found(tmp_path):
    archive = unpacked(tmp_path)
    rows = [
        row
        for split in splits_of(archive)
        for row in load_table(split, archive).to_pylist()
        if row["status"] == "rewritten"
    ]
    pairs = [
        Pair(str(i), row["video_id"], row["exercise"], "matched", row["feedback"], row["feedback"])
        for i, row in enumerate(rows)
    ]
    found = report(pairs).overall
    spoken = sum(one["spoken"] for row in rows for one in row["findings"])
    assert found.facts_true == spoken > 0, "as many facts as findings the sentences speak of"
    assert found.f1.value == 1.0 and found.value_error_deg.value == 0.0
