"""`qevd-bio predict`: refusals by exit code; what it does is tested in tests/evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.model.tiny import tiny_coach
from tests.cli.calling import qevd_bio

pytest.importorskip("transformers", reason="the coach needs transformers")


def test_what_cannot_be_predicted_is_said(tmp_path: Path) -> None:
    tiny_coach(tmp_path / "coach", feature_width=40)
    coach, work = str(tmp_path / "coach"), ("--work", str(tmp_path / "work"))
    for arguments, code, message in (
        ((coach,), 2, "give either --release or --live"),
        ((coach, "--release", "r", "--live", "0001"), 2, "give either --release or --live"),
        ((str(tmp_path), "--live", "0001"), 1, "coach.json"),
        ((coach, "--live", "0001"), 1, "work"),
        ((coach, "--release", "r", "--mode", "offical"), 2, "Did you mean 'official'?"),
    ):
        done = qevd_bio("predict", *arguments, *work)
        assert done.returncode == code and message in done.stderr, (arguments, done.stderr)
    assert not (tmp_path / "predictions").exists()
