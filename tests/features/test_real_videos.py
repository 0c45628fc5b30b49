"""Features of real videos in QEVD's layout: sideways storage, timestamps of a phone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from qevd_bio.errors import DataError
from qevd_bio.exercises.load import load_rules
from qevd_bio.features.feature_files import load_features
from qevd_bio.stages.features import FeatureOptions, FeaturesStage
from qevd_bio.stages.sessions import load_sessions


@pytest.mark.data
@pytest.mark.slow
def test_a_sideways_video_is_turned_by_what_it_shows(shared_data: Path, tmp_path: Path) -> None:
    sessions = load_sessions(shared_data / "qevd_sample", load_rules())
    made = {}
    for turn in ("upright", "official"):
        stage = FeaturesStage.from_options(sessions, FeatureOptions("standin", turn, "cpu"))
        stage.setup()
        torch.set_num_threads(1)
        notes = stage.process("0007", {}, tmp_path / f"{turn}.parquet")
        assert (notes["turn_deg"], notes["padded_to_square"]) == (90, True)
        times_s = sessions.by_id["0007"].record.times_s
        made[turn] = load_features(tmp_path / f"{turn}.parquet", "0007", times_s)
    values, time_s = made["upright"]
    np.testing.assert_array_equal(values, made["official"][0])
    assert len(time_s) == 875 / 25 * 4
    assert np.median(np.diff(time_s)) == pytest.approx(0.25, abs=0.02)
    with pytest.raises(DataError, match="another video than 0007"):
        load_features(tmp_path / "upright.parquet", "0007", sessions.by_id["0146"].record.times_s)
