"""Every planted difference is found and none is invented."""

from __future__ import annotations

import pytest

from qevd_bio.evaluation.fact_agreement import compare_sentences
from tests.evaluation.planted import CHANGES, planted_pairs

PAIRS = planted_pairs(210, seed=19)


@pytest.mark.parametrize("knows_rule", [True, False])
def test_planted_differences_are_found_and_none_is_invented(knows_rule):
    assert {one.planted for one in PAIRS} == set(CHANGES)
    for pair in PAIRS if knows_rule else PAIRS[:49]:
        same = compare_sentences(pair.true, pair.true, pair.exercise)
        assert not same.differences and same.agreeing > 1, pair
        exercise = pair.exercise if knows_rule or pair.planted[0] == "phase" else None
        found = compare_sentences(pair.true, pair.predicted, exercise).differences
        assert [(one.detail, one.relation, one.error) for one in found] == [
            (*pair.planted, pair.error)
        ], pair


TRUE = (
    "Right knee flexion 85° (target: 90°). Increase right knee flexion by 5° at the bottom phase."
)


@pytest.mark.parametrize(
    ("predicted", "agreeing", "differences"),
    [
        pytest.param(TRUE, 7, [], id="the same"),
        pytest.param(TRUE.replace("85", "88"), 7, [("value", "differs")], id="within tolerance"),
        pytest.param(TRUE.replace("85", "60"), 6, [("value", "differs")], id="beyond it"),
        pytest.param(
            "bend your knees 5 degrees more",
            3,
            [
                ("side", "omitted"),
                ("value", "omitted"),
                ("target", "omitted"),
                ("phase", "omitted"),
            ],
            id="less is said",
        ),
        pytest.param("Good job!", 0, [("quantity", "missing")], id="nothing is said"),
        pytest.param(
            "Hip flexion 60° (target: 90°).",
            0,
            [("quantity", "missing"), ("quantity", "invented")],
            id="another quantity",
        ),
        pytest.param(
            "Knee angle variance 12° (target: < 5°).",
            0,
            [("quantity", "missing"), ("quantity", "invented")],
            id="a variation is no value",
        ),
    ],
)
def test_details_that_agree(predicted, agreeing, differences):
    found = compare_sentences(TRUE, predicted, "squat")
    assert found.agreeing == agreeing
    assert [(one.detail, one.relation) for one in found.differences] == differences


def test_on_the_wrong_side_only_the_quantity_is_right():
    wrong = TRUE.replace("Right", "Left").replace("right", "left")
    found = compare_sentences(TRUE, wrong, "squat")
    assert found.agreeing == 1
    assert [one.detail for one in found.differences] == ["side"]


def test_a_sentence_without_side_speaks_of_both():
    true = "Knee flexion right 85°, left 80° (target: 90°)."
    found = compare_sentences(true, "Knee flexion 84° (target: 90°).", "squat")
    assert len(found.matched) == 2 and len(found.predicted) == 2
    assert [(d.detail, d.error) for d in found.differences if d.relation == "differs"] == [
        ("value", -1.0),
        ("value", 4.0),
    ]


def test_a_phase_may_be_called_as_trainers_do():
    kick = (
        "Right hip flexion 60° (target: 80°). Increase right hip flexion by 20° at the kick phase."
    )
    assert not compare_sentences(
        kick, kick.replace("kick phase", "top"), "standing_kicks"
    ).differences
