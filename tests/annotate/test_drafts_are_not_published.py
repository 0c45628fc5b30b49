"""A drafted rule in the folder of rules stops run, plan and publish until it is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.annotate.accept_rule import accept_rule
from qevd_bio.errors import RuleError
from qevd_bio.pipeline.pipeline import PipelineConfig, open_pipeline, reopen_pipeline
from qevd_bio.views.work_folder import annotation_rows
from tests.annotate.test_draft_rule import drafted
from tests.cli.calling import qevd_bio
from tests.pipeline.sessions_made import SQUATS, record, write_root


def test_nothing_is_analysed_or_published_with_a_draft(walk, tmp_path: Path) -> None:
    root, rules = write_root(tmp_path / "QEVD", [record("0001", SQUATS)]), tmp_path / "rules"
    path = drafted(rules, exercise="zorbing")
    draft = path.read_bytes()
    with pytest.raises(RuleError, match="nobody has accepted it"):
        open_pipeline(PipelineConfig(root, rules=rules), tmp_path / "work")

    accept_rule(path, "anna")
    pipeline = walk(root, rules=rules)
    assert {row["exercise"] for row in annotation_rows(pipeline)} == {None, "squat", "zorbing"}

    path.write_bytes(draft)
    with pytest.raises(RuleError, match="nobody has accepted it"):
        reopen_pipeline(tmp_path / "work")
    done = qevd_bio(
        "publish", "--work", str(tmp_path / "work"), "--version", "1.0.0",
        "--out", str(tmp_path / "release"),
    )  # fmt: skip
    assert done.returncode == 1 and "rules accept" in done.stderr
    assert not (tmp_path / "release").exists()
