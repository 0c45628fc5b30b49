"""A run that also simulates muscles, and what else it changes: nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.files.opensim_mot import write_mot
from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.pipeline.pipeline import open_pipeline
from qevd_bio.skeleton.opensim_map import to_opensim
from qevd_bio.stages.activations import MuscleOptions
from tests.e2e.source_records import TRAIN

DOWN = np.array([0.0, 1.0, 0.0])


@pytest.mark.data
@pytest.mark.slow
def test_a_run_with_muscles_has_activations_and_the_same_sentences(
    workout: Path, shared_data: Path, fits: Path, tmp_path: Path
) -> None:
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    pytest.importorskip("daqp")
    stamps = np.load(workout / TRAIN / "long_range_videos" / "0200_timestamps.npy")
    with np.load(workout.parent / "truth.npz") as truth:
        angles = to_opensim(truth["0200_q"], DOWN)
    recorded = tmp_path / "motion"
    times_s = (stamps - stamps[0]) / 1e9
    write_mot(recorded / "0200.mot", times_s, {n: np.rad2deg(v) for n, v in angles.items()})

    def opened(scale: float | None):
        muscles = None
        if scale is not None:
            model = shared_data / "opencap_opensim" / "LaiUhlrich2022.osim"
            muscles = MuscleOptions(model, scale, fits)
        config = PipelineConfig(
            workout, backend="recorded", recorded_root=recorded, muscles=muscles
        )
        return open_pipeline(config, tmp_path / "work")

    def planned(pipeline):
        return {unit.stage for unit in pipeline.plan() if unit.action == "run"}

    def ran(scale: float | None):
        pipeline = opened(scale)
        summary = pipeline.run(argv=["test"], on_event=lambda event: None)
        assert not summary.failures
        return pipeline

    plain = ran(None)
    sentences = plain.artifacts()["0200"]["annotations"].read_bytes()
    assert planned(opened(1.0)) == {"activations"}
    with_muscles = ran(1.0)
    artifacts = with_muscles.artifacts()["0200"]
    assert artifacts["annotations"].read_bytes() == sentences
    rows = pq.read_table(artifacts["activations"]).to_pylist()
    assert len(rows) == len(stamps)
    assert all(len(row["activation"]) == 80 for row in rows if row["activation"] is not None)
    assert sum(row["activation"] is not None for row in rows) > 0.9 * len(rows)
    assert planned(opened(1.0)) == set() and planned(opened(0.5)) == {"activations"}
