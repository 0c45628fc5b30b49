"""A trained selector chooses the joints of a run: once a segment, with an identity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from qevd_bio.errors import UsageError
from qevd_bio.features.joint_selector import JointSelector, most_important, segment_maps
from qevd_bio.features.selector_folder import load_selector, save_selector
from qevd_bio.model.visual_features import features_of_work
from qevd_bio.pipeline.config import PipelineConfig, config_of
from qevd_bio.pipeline.pipeline import Pipeline, open_pipeline, reopen_pipeline
from qevd_bio.pipeline.settings import Settings, in_folder
from qevd_bio.release.assembly import release_from
from qevd_bio.stages.features import FeatureOptions
from qevd_bio.tables import contexts as context_table
from qevd_bio.tables.features import network_identity
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.verify.release import verify_release
from qevd_bio.views.work_folder import annotation_rows
from tests.capture.video_files import grey_ramp, write_video
from tests.pipeline.sessions_made import FRAMES, SPLIT, SQUATS, record, write_root

STANDIN = FeatureOptions("standin", turn="official")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = write_root(tmp_path / "QEVD", [record("0200", SQUATS)], SPLIT)
    video = made / SPLIT / "long_range_videos" / "0200.mp4"
    write_video(video, [one for one in grey_ramp(50, 64, 48) for _ in range(9)][:FRAMES])
    return made


def selector_in(folder: Path, features: str, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    network = JointSelector().eval()
    with torch.no_grad():
        network.layer3.bias.uniform_(-3.0, 3.0)
    save_selector(folder, network, features=features, decide_s=12.0, labels="made", report={})
    return folder


def test_a_selector_chooses_the_joints_of_findings_contexts_and_annotations(
    root: Path, walk: Callable[..., Pipeline], tmp_path: Path
) -> None:
    plain = walk(root, features=STANDIN)
    source = features_of_work(plain).read("0200")
    folder = selector_in(tmp_path / "selector", network_identity(source.about))
    pipeline = walk(root, features=STANDIN, selector=folder)
    names = [stage.name for stage in pipeline.stages]
    assert names.index("features") < names.index("salience") < names.index("findings")
    trained = load_selector(folder)
    spoken = [row for row in annotation_rows(pipeline) if row["segment_index"] is not None]
    assert spoken
    for row in spoken:
        segment = pipeline.sessions.by_id["0200"].segments[row["segment_index"]]
        own = segment_maps(source.time_s, segment.start_s, segment.end_s, 12.0)
        scores = trained.scores(source.values[own])
        assert scores is not None
        if row["salient_source"] == "selector":
            assert tuple(row["salient_joints"]) == most_important(scores)
        else:  # the selector had not yet seen what it decides by
            assert row["timestamp_s"] < segment.start_s + 12.0
    contexts = read_parquet(pipeline.artifacts()["0200"]["contexts"], context_table.SCHEMA)
    by_segment: dict[int, set[tuple[str, ...]]] = {}
    for row in contexts.to_pylist():
        by_segment.setdefault(row["segment_index"], set()).add(tuple(row["salient_joints"]))
    assert by_segment and all(len(chosen) <= 2 for chosen in by_segment.values())
    assert {row["salient_source"] for row in contexts.to_pylist()} >= {"selector"}

    release = release_from(pipeline, out=tmp_path / "release", version="1.0.0")
    assert verify_release(release.folder, root).issues == []

    again = reopen_pipeline(pipeline.store.root)
    assert again.config.selector == folder
    assert {unit.action for unit in again.plan()} == {"done"}
    other = selector_in(tmp_path / "other", network_identity(source.about), seed=1)
    asked = PipelineConfig(root, features=STANDIN, selector=other)
    todo = {u.stage: u.why for u in open_pipeline(asked, pipeline.store.root).plan()
            if u.action != "done"}  # fmt: skip
    assert todo["salience"] == ("selector changed",)
    assert set(todo) == {"salience", "findings", "contexts", "annotations"}


@pytest.mark.slow
def test_features_of_another_network_are_refused(
    root: Path, walk: Callable[..., Pipeline], tmp_path: Path
) -> None:
    folder = selector_in(tmp_path / "selector", "cnn3d 1234")
    with pytest.raises(AssertionError, match="Event"):
        walk(root, features=STANDIN, selector=folder)
    asked = PipelineConfig(root, features=STANDIN, selector=folder)
    units = open_pipeline(asked, tmp_path / "work").plan()
    failed = next(unit.record for unit in units if unit.stage == "salience")
    assert failed is not None
    assert "was trained on features of cnn3d 1234, these are of standin" in failed.reason


def test_the_option_names_a_file_or_a_selector(root: Path, tmp_path: Path) -> None:
    chosen = config_of(Settings(data_root=tmp_path, salient_joints="selector:made"))
    assert (chosen.selector, chosen.salient_joints) == (Path("made"), None)
    assert chosen.features is not None and chosen.features.network == "auto"
    named = config_of(Settings(data_root=tmp_path, salient_joints="joints.json"))
    assert (named.selector, named.salient_joints) == (None, Path("joints.json"))
    assert named.features is None
    assert in_folder("salient_joints", "selector:made", Path("/at")) == "selector:/at/made"
    assert in_folder("salient_joints", "joints.json", Path("/at")) == "/at/joints.json"
    with pytest.raises(UsageError, match=r"holds no selector\.json"):
        open_pipeline(PipelineConfig(root, selector=tmp_path), tmp_path / "work")
