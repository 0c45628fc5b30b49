"""The examples of docs/rewriting.md agree with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.feedback.contexts import motion_context
from qevd_bio.feedback.morphology import morphology_context
from qevd_bio.feedback.pose import PoseAngle
from tests.feedback.made_findings import knee
from tests.feedback.test_keep_or_rewrite import DEEPER, answered

PAGE = (Path(__file__).parents[2] / "docs" / "rewriting.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "left", "policy", "status"),
    [
        (56.4, 57.6, "evidence", "rewritten"),
        (84.6, 82.5, "evidence", "rewritten"),
        (84.6, 82.5, "paper", "rewritten"),
        (138.0, 136.0, "evidence", "unsupported"),
        (98.0, 96.0, "paper", "rewritten"),
    ],
)
def test_the_table_of_answers(right: float, left: float, policy: str, status: str) -> None:
    row = answered(DEEPER, [knee(right, "r"), knee(left, "l")], policy=policy)
    assert row.status == status
    answer = row.feedback if status == "rewritten" else row.reason
    assert f"| `{status}` | {answer} |" in PAGE


def test_the_contexts() -> None:
    pose = [PoseAngle("knee_angle_r", 62.0), PoseAngle("knee_angle_l", 61.0)]
    assert f"> {motion_context([knee(85, 'r'), knee(95, 'l')], pose)}\n" in PAGE
    body = morphology_context({"height": 1.78, "mass": 73.22}, low_confidence=True)
    assert f"> {body}\n" in PAGE
