"""The whole pipeline on a rendered workout: from pixels to a release, twice, and after changes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import qevd_bio
from qevd_bio.assets import asset_path
from qevd_bio.engine.maintain.garbage import waste
from qevd_bio.errors import DataError
from qevd_bio.exercises import load as rule_module
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.files.digest import sha256_file
from qevd_bio.model.windows import UtteranceWindows
from qevd_bio.motion.constraints import Finding
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline, reopen_pipeline
from qevd_bio.pipeline.running import RunOptions
from qevd_bio.release.assembly import release_from
from qevd_bio.released.row_origin import trace
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.tables.findings import FINDING_FIELDS
from qevd_bio.tables.published import TABLES
from qevd_bio.views.diff_page import write_diff_page
from qevd_bio.views.plot import write_plot
from qevd_bio.views.work_folder import annotation_rows

pytestmark = pytest.mark.slow


def ran(root: Path, work: Path, workers: int = 0) -> Pipeline:
    pipeline = open_pipeline(PipelineConfig(root), work)
    summary = pipeline.run(RunOptions(workers=workers), argv=["test"], on_event=lambda event: None)
    assert not summary.failures
    return pipeline


@pytest.fixture(scope="module")
def pipeline(workout: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return ran(workout, tmp_path_factory.mktemp("work"))


def artifact_bytes(work: Path) -> dict[str, bytes]:
    found = sorted(work.glob("*/*/*/artifact.parquet"))
    return {str(path.relative_to(work)): path.read_bytes() for path in found}


def test_the_corrective_sentence_is_rewritten_and_nothing_else(pipeline: Pipeline) -> None:
    rows = {row["feedback_original"]: row for row in annotation_rows(pipeline)}
    assert rows["Sink deeper into these squats"]["status"] == "rewritten"
    assert "Increase knee flexion by" in rows["Sink deeper into these squats"]["feedback"]
    assert rows["Keep a straight back"]["status"] == "unmeasurable"
    for text, row in rows.items():
        if row["status"] != "rewritten":
            assert row["feedback"] == text
            assert row["reason"]


def test_every_number_is_backed_by_a_finding_of_its_row(pipeline: Pipeline) -> None:
    names = [field.name for field in FINDING_FIELDS]
    for row in annotation_rows(pipeline):
        findings = [Finding(**{name: f[name] for name in names}) for f in row["findings"]]
        if row["status"] == "rewritten":
            spoken = [f for f, raw in zip(findings, row["findings"], strict=True) if raw["spoken"]]
            assert spoken
            assert unbacked_numbers(row["feedback"], spoken) == []


def test_all_three_repetitions_are_found(pipeline: Pipeline) -> None:
    cycles = pq.read_table(pipeline.artifacts()["0200"]["cycles"])
    assert cycles.num_rows == 3


def test_the_capture_is_scored_before_its_sentences(pipeline: Pipeline) -> None:
    order = [stage.name for stage in pipeline.stages]
    assert order.index("cycles") < order.index("quality") < order.index("contexts")
    row = pq.read_table(pipeline.artifacts()["0200"]["quality"]).to_pylist()[0]
    assert row["valid_share"] > 0.95 and row["confidence_median"] > 0.9
    assert row["root_source"] == "contact" and row["penetration_m"] is None
    assert 20 < row["angular_speed_deg_s"] < 200
    assert pipeline.concerns() == ({"0200": "; ".join(row["concerns"])} if row["concerns"] else {})


def test_a_second_run_does_nothing(pipeline: Pipeline) -> None:
    before = artifact_bytes(pipeline.store.root)
    summary = reopen_pipeline(pipeline.store.root).run(argv=["test"], on_event=lambda event: None)
    assert summary.counts["done"] == len(pipeline.stages)
    assert summary.counts["completed"] == 0
    assert artifact_bytes(pipeline.store.root) == before


def test_a_run_with_workers_gives_the_same_bytes(
    pipeline: Pipeline, workout: Path, tmp_path: Path
) -> None:
    again = ran(workout, tmp_path / "work", workers=2)
    assert artifact_bytes(again.store.root) == artifact_bytes(pipeline.store.root)
    releases = [
        release_from(r, out=tmp_path / name, version="1.0.0").folder
        for name, r in (("a", pipeline), ("b", again))
    ]
    sums = [(folder / "SHA256SUMS").read_bytes() for folder in releases]
    assert sums[0] == sums[1]


def test_an_edited_rule_reruns_only_what_reads_it(
    pipeline: Pipeline, workout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    shutil.copytree(pipeline.store.root, work)
    rules = tmp_path / "rules"
    shutil.copytree(asset_path("rules"), rules)
    monkeypatch.setattr(rule_module, "asset_path", lambda *parts: rules.joinpath(*parts[1:]))

    def edit(rule: str) -> None:
        content = json.loads((rules / f"{rule}.json").read_text(encoding="utf-8"))
        content["version"] += 1
        (rules / f"{rule}.json").write_text(json.dumps(content), encoding="utf-8")

    edit("plank")
    planned = open_pipeline(PipelineConfig(workout), work).plan()
    assert {unit.action for unit in planned} == {"done"}

    edit("squat")
    planned = {unit.stage: unit for unit in open_pipeline(PipelineConfig(workout), work).plan()}
    assert planned["kinematics"].action == "done"
    assert "rule:squat changed" in planned["cycles"].why
    assert "rule:squat changed" in planned["findings"].why
    assert "rule:squat changed" in planned["annotations"].why
    ran(workout, work)
    fresh = open_pipeline(PipelineConfig(workout), work).plan()
    assert {unit.action for unit in fresh} == {"done"}


def test_three_readers_agree_on_the_release(pipeline: Pipeline, tmp_path: Path) -> None:
    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    for config in TABLES:
        shard = folder / config / "train-00000-of-00001.parquet"
        rows = pq.read_table(shard).num_rows
        assert (
            rows
            == len(pd.read_parquet(shard))
            == len(qevd_bio.load_split("train", folder, config))
        )
        counted = duckdb.sql(f"select count(*) from read_parquet('{shard}')").fetchall()
        assert counted == [(rows,)]
        assert rows > 0
    kinematics = pd.read_parquet(folder / "kinematics" / "train-00000-of-00001.parquet")
    assert "lumbar_extension_rad" not in kinematics, "nothing has measured it"
    assert kinematics["knee_angle_r_rad"].notna().all()
    assert qevd_bio.load_split("train", folder, "kinematics")["lumbar_extension_rad"].isna().all()


def test_data_set_libraries_agree_on_the_release(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets, hub, mlcroissant, polars = (
        pytest.importorskip(name, reason="reads a release as others will")
        for name in ("datasets", "huggingface_hub", "mlcroissant", "polars")
    )
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    folder = release_from(
        pipeline, out=tmp_path, version="0.1.0", date="2026-11-21", url="https://example.org"
    ).folder
    described = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not described.metadata.ctx.issues.errors
    for config in TABLES:
        shard = folder / config / "train-00000-of-00001.parquet"
        rows = pq.read_table(shard).to_pylist()
        builder = datasets.load_dataset_builder(
            str(folder), config, cache_dir=str(tmp_path / "cache")
        )
        split = builder.info.splits["train"]
        builder.download_and_prepare(verification_mode="all_checks")
        made = builder.info.splits["train"]
        assert (made.num_examples, made.num_bytes) == (
            split.num_examples,
            split.num_bytes,
        )
        assert builder.as_dataset("train").to_list() == rows
        assert polars.read_parquet(shard).to_dicts() == rows
        records = list(mlcroissant.Dataset(str(folder / "croissant.json")).records(config))
        assert [one[f"{config}/video_id"] for one in records] == [b"0200"] * len(rows)
    windows = UtteranceWindows(folder, "train", before_s=1.0, frames=30, statuses=("rewritten",))
    (window,) = windows
    assert window["annotation"]["feedback_original"] == "Sink deeper into these squats"
    assert window["mask"].all()
    knee = window["angle_rad"][:, DOF_INDEX["knee_angle_r"]]
    assert np.rad2deg(np.ptp(knee.numpy())) > 20, "a squat is under way"


def test_every_row_leads_back_to_the_video_and_the_run(pipeline: Pipeline, tmp_path: Path) -> None:
    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    spoken = trace(pipeline, "0200:1")
    published = trace(pipeline, f"{folder / 'annotations' / 'train-00000-of-00001.parquet'}:1")
    assert spoken.row["feedback_original"] == published.row["feedback_original"]
    assert spoken.links == published.links
    by_stage = {link.record.stage: link for link in spoken.links}
    assert set(by_stage) == {"annotations", "morphometrics", "kinematics"}
    provenance = published.row["provenance"]
    kinematics = by_stage["kinematics"].record.outputs[0]
    assert kinematics.sha256 == provenance["kinematics_sha256"]
    assert provenance["findings_sha256"] is None, "findings are those known at the utterance"
    video = next((pipeline.config.data_root).rglob("0200.mp4"))
    assert by_stage["kinematics"].record.depends["file:0200.mp4"] == sha256_file(video)
    for link in spoken.links:
        assert link.run is not None and link.run["argv"] == ["test"]
    assert waste(pipeline.stages, pipeline.plan(), pipeline.store) == []


def test_damaged_artifact_is_not_published(pipeline: Pipeline, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(pipeline.store.root, work)
    damaged = open_pipeline(pipeline.config, work)
    path = damaged.artifacts()["0200"]["cycles"]
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match="other bytes than were written"):
        release_from(damaged, out=tmp_path / "release", version="0.1.0")
    assert not (tmp_path / "release").exists()


def test_the_drop_in_keeps_times_flags_and_other_sentences(
    pipeline: Pipeline, workout: Path, tmp_path: Path
) -> None:
    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    name = Path("QEVD-FIT-COACH") / "feedbacks_long_range.json"
    old = json.loads((workout / name).read_text(encoding="utf-8"))[0]
    new = json.loads((folder / "drop_in" / name).read_text(encoding="utf-8"))[0]
    assert {k: v for k, v in new.items() if k != "feedbacks"} == {
        k: v for k, v in old.items() if k != "feedbacks"
    }
    pairs = {pair for pair in zip(old["feedbacks"], new["feedbacks"], strict=True)}
    changed = {pair for pair in pairs if pair[0] != pair[1]}
    assert {pair[0] for pair in changed} == {"Sink deeper into these squats"}
    assert len(changed) == 1


def test_page_and_plot_are_written(pipeline: Pipeline, tmp_path: Path) -> None:
    write_diff_page(pipeline, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<svg" in page and 'class="target"' in page
    assert not re.search(r"""(src|href)\s*=(?!"(#|data:image/))|url\(|@import|<script""", page)
    assert "data:image/jpeg" in page and 'class="bone-right"' in page
    assert write_plot(pipeline, "0200", tmp_path / "0200.png") >= 2
    assert (tmp_path / "0200.png").read_bytes().startswith(b"\x89PNG")


def test_the_overlay_lies_on_the_person(pipeline: Pipeline, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    from qevd_bio.capture.config import PersonConfig
    from qevd_bio.capture.person.pose_landmarker import ANKLES, ELBOWS, KNEES, PoseLandmarker
    from qevd_bio.capture.video.decode import FrameStream
    from qevd_bio.skeleton.dofs import JOINT_INDEX
    from qevd_bio.views.analysed_video import finished_video
    from qevd_bio.views.overlay.project_joints import joints_px
    from qevd_bio.views.overlay.write_video import write_overlay

    video = finished_video(pipeline, "0200")
    assert write_overlay(video, tmp_path / "0200.mp4") == len(video.motion.time_s)
    pairs = {"tibia": KNEES, "talus": ANKLES, "ulna": ELBOWS}
    away = []
    with PoseLandmarker(PersonConfig(), follow=False) as find:
        for frame, picture in enumerate(FrameStream(video.video_file, turn_deg=video.turn_deg)):
            found = find(picture) if frame % 10 == 0 else None
            if found is None:
                continue
            size = (picture.shape[1], picture.shape[0])
            joints = joints_px(video.motion, size)[frame]
            tall = float(np.ptp(found[0][:, 1]))
            for joint, (left, right) in pairs.items():
                for side, mark in (("l", left), ("r", right)):
                    gap = joints[JOINT_INDEX[f"{joint}_{side}"]] - found[0][mark]
                    away.append(float(np.linalg.norm(gap)) / tall)
    assert len(away) > 20
    assert np.median(away) < 0.03 and np.quantile(away, 0.9) < 0.08


def test_a_file_on_its_own_is_analysed_with_its_exercise(workout: Path, tmp_path: Path) -> None:
    from qevd_bio.errors import UsageError
    from qevd_bio.views.analyse_file import video_or_file

    video = workout / "QEVD-FIT-COACH" / "long_range_videos" / "0200.mp4"
    out = tmp_path / "out.mp4"
    for exercise, target, words in (
        (None, out, "--exercise"),
        ("juggling", out, "no exercise .juggling.*squat"),
        ("squat", video, "video itself"),
    ):
        with pytest.raises(UsageError, match=words):
            video_or_file(str(video), tmp_path, exercise, target)
    with pytest.raises(UsageError, match="existing file"):
        video_or_file("0200", tmp_path, "squat", out)
    found = video_or_file(str(video), tmp_path, "squats", out)
    assert len(found.segments[0].cycles) == 3
    assert any(finding.violated for finding in found.segments[0].findings)
