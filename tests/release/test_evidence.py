"""The check of a release must fail for each way a sentence can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError
from qevd_bio.release.evidence import row_issues, sentence_issues
from qevd_bio.released.contents import PublishedVideo, Release
from qevd_bio.tables import annotations
from qevd_bio.tables.parquet import rows_table, write_parquet
from tests.release.made_artifacts import START_S, kept, motion, publish, quantified

MOTION = motion(20, seed=4)
SAID = quantified("0146", 0, MOTION)
KNEE_DEG = SAID["pose"][0]["angle_deg"]
KNEE = SAID["motion_context"].split(":")[1].split(".")[0].strip()


def test_a_row_that_is_backed_has_no_issues() -> None:
    assert row_issues(SAID) == []
    assert row_issues(kept("0146", 1)) == []


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        pytest.param(
            {"feedback": "Right knee flexion 70° (target: 90°)."},
            "sentence states 70",
            id="number",
        ),
        pytest.param(
            {"feedback": "Left knee flexion 72° (target: 90°)."}, "sentence states 72", id="side"
        ),
        pytest.param(
            {"findings": [one | {"spoken": False} for one in SAID["findings"]]},
            "rewritten by 0 findings",
            id="nothing spoken",
        ),
        pytest.param(
            {"status": "kept", "reason": "motivational"}, "differs from the source's", id="changed"
        ),
        pytest.param(
            {
                "status": "unsupported",
                "feedback": SAID["feedback_original"],
                "reason": "depth: right knee flexion 99°",
                "findings": [one | {"spoken": False} for one in SAID["findings"]],
            },
            "reason states 99",
            id="reason",
        ),
        pytest.param(
            {"status": "unsupported", "feedback": SAID["feedback_original"], "reason": ""},
            "1 findings are spoken",
            id="spoken and kept",
        ),
        pytest.param(
            {"motion_context": "Pose state: right knee flexion 179°. Violations: none."},
            "pose state states 'right knee flexion 179°'",
            id="pose",
        ),
        pytest.param(
            {"motion_context": f"Pose state: {KNEE.replace('right', 'left')}. Violations: none."},
            "pose state states 'left",
            id="side of the pose",
        ),
        pytest.param(
            {"motion_context": f"Pose state: {KNEE}. Violations: Right knee flexion 50°."},
            "motion context states 50",
            id="violation",
        ),
        pytest.param(
            {"morphology_context": "Height 1.78 m."}, "nothing measured the body", id="body"
        ),
    ],
)
def test_a_statement_that_nothing_backs_is_found(changed: dict[str, Any], cause: str):
    assert any(cause in found for found in row_issues(SAID | changed))


@pytest.mark.parametrize(
    ("stated", "is_backed"),
    [("Height 1.78 m.", True), ("Height 1.79 m.", False), ("", False)],
    ids=["as measured", "another number", "left out"],
)
def test_the_body_stated_is_the_body_measured(stated: str, is_backed: bool) -> None:
    row = SAID | {"morphology_context": stated}
    assert (row_issues(row, {"height": 1.78}) == []) is is_backed


def test_a_made_release_is_proved(release: Release) -> None:
    assert sentence_issues(release.folder) == []


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        pytest.param(
            lambda row: {"pose": [{"name": "knee_angle_r", "angle_deg": KNEE_DEG + 0.01}]},
            "the pose holds knee_angle_r",
            id="pose of another moment",
        ),
        pytest.param(
            lambda row: {"findings": [one | {"key_frame": 13} for one in row["findings"]]},
            "at the later frame 13",
            id="finding of a later frame",
        ),
        pytest.param(
            lambda row: {"cycle": row["cycle"] | {"end_s": START_S + 0.5}},
            "ends at .* after frame 12",
            id="cycle that ends later",
        ),
        pytest.param(
            lambda row: {"cycle": row["cycle"] | {"end_s": START_S + 5 / 30 - 1e-3}},
            "outside of its cycle",
            id="finding outside of its cycle",
        ),
        pytest.param(lambda row: {"cycle": None}, "findings and no cycle", id="no cycle"),
    ],
)  # fmt: skip
def test_publishing_refuses_rows_that_differ_from_their_tables(
    videos: list[PublishedVideo], arguments: dict[str, Any], change: Any, cause: str
) -> None:
    path: Path = videos[0].artifacts["annotations"]
    rows = pq.read_table(path).to_pylist()
    changed = [row | change(row) if row["status"] == "rewritten" else row for row in rows]
    write_parquet(rows_table(changed, annotations.SCHEMA), path)
    with pytest.raises(DataError, match=cause) as caught:
        publish(videos, **arguments)
    assert "0146 utterance 0" in str(caught.value)
    assert list(arguments["out"].iterdir()) == []
