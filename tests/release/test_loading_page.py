"""Every example of docs/loading.md, run on a small release."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qevd_bio.released.contents import Release

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "loading.md"

SHOWN = """
import json
print(json.dumps({
    "pandas": [len(annotations), len(kinematics), rewritten["feedback"].tolist()],
    "arrow": [cycles.num_rows, unit.decode(), frames],
    "datasets": [annotations_hf["video_id"][:], annotations_hf[0]["cycle"]["phase"],
                 kinematics_hf.num_rows, kinematics_hf[0]["time_s"]],
    "polars": tall.rows(),
    "croissant": sentence,
    "torch": [list(angles.shape), list(observed.shape), list(mask.shape), sentences],
}))
"""


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run_offline(script: str, folder: Path) -> Any:
    """Run a script in a folder, without a network, and return its last line."""
    caches = {name: str(folder / "cache") for name in ("HF_HOME", "HF_DATASETS_CACHE")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **caches, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_python_examples_of_the_page(release: Release) -> None:
    for package in ("datasets", "mlcroissant", "polars"):
        pytest.importorskip(package, reason=f"the page shows {package}")
    page = PAGE.read_text(encoding="utf-8")
    script = "".join(blocks("python", page)) + SHOWN
    shown = run_offline(script, release.folder.parents[1])
    new = "Right knee flexion 72° (target: 90°). Increase right knee flexion by 18°."
    frames = {"0007": 30, "0146": 20}
    assert shown["pandas"] == [4, 50, [new, new]]
    assert shown["arrow"] == [4, "s", frames]
    assert shown["datasets"] == [["0007"] * 2 + ["0146"] * 2, "bottom", 50, 1690028800.2981102]
    assert [name for name, _ in shown["polars"]] == list(frames)
    assert shown["croissant"] == "Nice!", "the first record is of the test split"
    assert shown["torch"] == [[2, 120, 46], [2, 120, 46], [2, 120], [new, new]]


def test_sql_examples_of_the_page(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(release.folder.parents[1])
    (query,) = blocks("sql", PAGE.read_text(encoding="utf-8"))
    found = duckdb.sql(query).fetchall()
    assert [row[0] for row in found] == ["0007", "0146"]
    assert all(duration == pytest.approx(8 / 30, abs=1e-6) for *_, duration in found)


@pytest.mark.slow
def test_examples_of_the_card(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the card shows datasets")
    card = (release.folder / "README.md").read_text(encoding="utf-8")
    shown = "\nimport json; print(json.dumps([len(frame), data.num_rows]))"
    assert run_offline("".join(blocks("python", card)) + shown, release.folder.parent) == [50, 50]
    monkeypatch.chdir(release.folder.parent)
    (query,) = blocks("sql", card)
    assert len(duckdb.sql(query).fetchall()) == 2
