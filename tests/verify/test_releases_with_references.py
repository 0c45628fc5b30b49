"""Releases made with references from a folder carry them, and are derived again with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.pipeline.config import PipelineConfig, config_of
from qevd_bio.pipeline.pipeline import open_pipeline
from qevd_bio.pipeline.settings import Settings
from qevd_bio.release.compare import compare_releases
from qevd_bio.verify.release import verify_release
from tests.exercises.made_references import deeper, write_folder
from tests.verify.made_release import edit_json
from tests.verify.test_honest_releases import published


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    published(folder / "own")
    published(folder / "given", references=write_folder(folder / "references"))
    return folder


def scores(folder: Path) -> list[float]:
    (path,) = (folder / "cycles").glob("*.parquet")
    return [row["quality"] for row in pq.read_table(path, columns=["quality"]).to_pylist()]


def test_a_release_carries_them_and_follows_from_them(home: Path) -> None:
    own, given = (home / name / "release" / "1.0.0" for name in ("own", "given"))
    assert verify_release(given).issues == []
    assert verify_release(given, home / "given" / "QEVD").issues == []
    assert np.array_equal(np.load(given / "references" / "squat.npy"), deeper())
    manifest = json.loads((given / "manifest.json").read_text(encoding="utf-8"))
    assert "references/index.json" in manifest["made_with"]
    assert len(manifest["generator"]["reference squat"]) == 64
    assert not (own / "references").exists()
    assert len(scores(own)) == len(scores(given)) > 0 and scores(own) != scores(given)


def test_a_run_with_them_says_what_changed(home: Path) -> None:
    work = home / "own" / "work"
    config = PipelineConfig(home / "own" / "QEVD", references=home / "references")
    planned = {unit.stage: unit for unit in open_pipeline(config, work).plan(("0001",))}
    assert planned["kinematics"].action == "done"
    assert "reference:squat" in " ".join(planned["cycles"].why)
    settings = Settings(data_root=home / "own" / "QEVD", references=home / "references")
    assert config_of(settings).references == home / "references"


def test_two_releases_differ_by_their_rules(home: Path) -> None:
    found = compare_releases(
        home / "own" / "release" / "1.0.0", home / "given" / "release" / "1.0.0"
    )
    assert set(found.configs["cycles"].causes) == {"rules"}


def test_what_a_release_says_of_them_is_checked(home: Path, tmp_path: Path) -> None:
    def issues(change) -> str:
        folder = tmp_path / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(home / "given" / "release" / "1.0.0", folder)
        change(folder)
        return " ".join(f"{one.where} {one.cause}" for one in verify_release(folder).issues)

    def stated(**changes: str | None):
        def change(folder: Path) -> None:
            def edit(manifest: dict[str, Any]) -> None:
                for name, value in changes.items():
                    manifest["generator"].pop(f"reference {name}", None)
                    if value is not None:
                        manifest["generator"][f"reference {name}"] = value

            edit_json(folder / "manifest.json", edit)

        return change

    def exchanged(folder: Path) -> None:
        np.save(folder / "references" / "squat.npy", deeper(1.05))

    assert "which nothing is made with" in issues(stated(squat=None))
    assert "another reference of rule squat" in issues(stated(squat="0" * 64))
    assert "a reference of 'plank' and no such rule" in issues(stated(plank="0" * 64))
    assert "references/squat.npy" in issues(exchanged)
