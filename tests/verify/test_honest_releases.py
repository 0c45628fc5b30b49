"""No honest release is condemned: of any backend, policy, rules or doubtful capture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.assets import asset_path
from qevd_bio.capture.captured import Captured
from qevd_bio.capture.monocular import backend
from qevd_bio.choices import OnConcern
from qevd_bio.errors import DataError
from qevd_bio.feedback.second_opinions import SecondOpinion, decided_kind, opinions_text
from qevd_bio.pipeline.pipeline import PipelineConfig, open_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.verify.before_publishing import refuse_condemned
from qevd_bio.verify.rebuilt_session import opinions_of_rows
from qevd_bio.verify.release import verify_release
from tests.pipeline.sessions_made import SQUATS, record, squats_motion, write_root
from tests.verify.odd_motions import MOTIONS, Change


def unchecked(folder: Path) -> None:
    """Publish without the check before the rename, where a test verifies the release itself."""


def published(
    home: Path,
    change: Change = lambda motion: motion,
    *,
    check: Callable[[Path], None] = unchecked,
    on_concern: OnConcern = "flag",
    **config: Any,
) -> Path:
    """Publish one session with a made-up motion."""
    root = write_root(home / "QEVD", [record("0001", SQUATS), record("0002", SQUATS)])

    def capture(
        path: Path, times_s: Any, *, video_id: str, config: Any, exercises: Any = ()
    ) -> Captured:
        motion = squats_motion(0.7, times_s)
        return Captured(change(motion) if video_id == "0001" else motion, {"turn_deg": 0})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "capture_motion", capture)
        pipeline = open_pipeline(PipelineConfig(root, **config), home / "work")
        assert not pipeline.run(argv=["test"], on_event=lambda event: None).failures
    return release_from(
        pipeline,
        out=home / "release",
        version="1.0.0",
        on_concern=on_concern,
        check=check,
    ).folder


@pytest.mark.parametrize("name", MOTIONS)
def test_a_release_of_any_capture(tmp_path: Path, name: str) -> None:
    folder = published(tmp_path, MOTIONS[name])
    verdict = verify_release(folder, tmp_path / "QEVD")
    assert verdict.issues == [] and verdict.unchecked == []


def test_a_release_of_another_policy(tmp_path: Path) -> None:
    assert verify_release(published(tmp_path, policy="paper")).issues == []


def test_a_release_with_variants_and_heights(tmp_path: Path) -> None:
    assert verify_release(published(tmp_path, variants=True, height_m=1.81)).issues == []


def test_a_release_with_annotated_joints(tmp_path: Path) -> None:
    joints = tmp_path / "joints.json"
    joints.write_text(json.dumps({"0001": {"0": ["tibia_r", "talus_r", "femur_l"]}}))
    folder = published(tmp_path, salient_joints=joints)
    assert verify_release(folder).issues == []
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["generator"]["salient_joints"] == "annotation"


def test_a_release_with_second_opinions_on_kinds(tmp_path: Path) -> None:
    """Whoever decided is named; a judge that may not overrule the lexicon is found."""
    sure, judged = "Sink deeper into these squats", "Lovely!"
    opinions = [
        SecondOpinion(sure, "corrective", 0.9, "counting", 0.9, "neighbours tiny 01, v1"),
        SecondOpinion(judged, "motivational", 0.8, "other", 0.9, "model m, v1", "other", "anna"),
    ]
    file = tmp_path / "kinds.csv"
    file.write_text(opinions_text(opinions), encoding="utf-8")
    folder = published(tmp_path, kinds=file)
    assert verify_release(folder).issues == []
    (path,) = (folder / "annotations").glob("*.parquet")
    rows = {one["feedback_original"]: one for one in pq.read_table(path).to_pylist()}
    assert (rows[judged]["kind"], rows[judged]["kind_source"]) == ("other", "person anna")
    assert rows[sure]["kind"] == "corrective"
    forged = [rows[sure] | {"kind": "counting", "kind_source": "neighbours tiny 01, v1"}]
    taken = opinions_of_rows(forged)
    assert decided_kind(sure, is_transition=False, opinions=taken).name == "corrective"


def test_a_release_with_rules_of_its_own(tmp_path: Path) -> None:
    """It carries them: the installed ones of the same version differ, which is said."""
    own = tmp_path / "rules"
    own.mkdir()
    rule = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    rule["constraints"][0]["tolerance"] += 1.0
    (own / "squat.json").write_text(json.dumps(rule), encoding="utf-8")
    folder = published(tmp_path, rules=own)
    verdict = verify_release(folder)
    assert verdict.issues == []
    assert any("whether rules/squat.json is rule squat" in what for what in verdict.unchecked)


def test_a_capture_to_doubt_is_flagged_dropped_or_refused(tmp_path: Path) -> None:
    lost = MOTIONS["nobody at all"]
    flagged = published(tmp_path / "flag", lost, check=refuse_condemned)
    manifest = json.loads((flagged / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["concerns"]) == {"0001"}
    assert "nobody is seen" in (flagged / "README.md").read_text(encoding="utf-8")
    dropped = published(tmp_path / "drop", lost, on_concern="drop")
    manifest = json.loads((dropped / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["videos"]) == ["0002"] and manifest["missing"][0]["stage"] == "quality"
    assert verify_release(dropped, tmp_path / "drop" / "QEVD").issues == []
    with pytest.raises(DataError, match="not to be trusted"):
        published(tmp_path / "fail", lost, on_concern="fail")
    assert not (tmp_path / "fail" / "release" / "1.0.0").exists()
