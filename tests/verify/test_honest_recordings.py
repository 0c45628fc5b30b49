"""No honest release is condemned: of motion that others recorded, in each of its formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.arrays import FloatArray
from qevd_bio.files.opensim_mot import write_mot
from qevd_bio.pipeline.pipeline import PipelineConfig, open_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.opensim_map import to_opensim
from qevd_bio.verify.before_publishing import refuse_condemned
from qevd_bio.verify.release import verify_release
from tests.pipeline.sessions_made import SQUATS, TIMES_S, record, squats_motion, write_root

Write = Callable[[Path, FloatArray], None]


def dump(path: Path, q: FloatArray) -> None:
    """One record a frame, as HSMR writes them; nobody is found in a few."""
    held = np.empty(len(q), dtype=object)
    betas = np.random.default_rng(0).normal(0.0, 0.1, (1, 10)).astype(np.float32)
    box = [np.array([240.0, 320.0, 400.0], np.float32)]
    for frame, pose in enumerate(q):
        seen = slice(0, 0) if 40 <= frame < 46 else slice(0, 1)
        held[frame] = {
            "poses": pose[None][seen].astype(np.float32),
            "betas": betas[seen],
            "bbx_cs": box[seen],
        }
    np.save(path, held, allow_pickle=True)


def rows(path: Path, q: FloatArray) -> None:
    np.savez(path, poses=q.astype(np.float32))


def array(path: Path, q: FloatArray) -> None:
    np.save(path, q)


def opensim(path: Path, q: FloatArray, lost: slice = slice(0, 0)) -> None:
    angles = to_opensim(q, np.array([0.0, 1.0, 0.0]))
    for values in angles.values():
        values[lost] = np.nan
    degrees = {name: np.rad2deg(values) for name, values in angles.items()}
    write_mot(path, TIMES_S - TIMES_S[0], degrees)


FORMATS: dict[str, Write] = {
    "HSMR-{}.npy": dump,
    "{}.npy": array,
    "SKEL-CF-{}.npz": rows,
    "{}.mot": opensim,
    "OpenCap-Monocular-{}.mot": lambda path, q: opensim(path, q, slice(100, 118)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_release_of_recorded_motion(tmp_path: Path, name: str) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS), record("0002", SQUATS)])
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    for video, depth in (("0001", 0.7), ("0002", 0.8)):
        q = squats_motion(depth).q
        q[:, DOF_INDEX["lumbar_bending"]] = 0.05 * np.sin(np.arange(len(q)) / 30.0)
        FORMATS[name](recorded / name.format(video), q)
    config = PipelineConfig(root, backend="recorded", recorded_root=recorded)
    pipeline = open_pipeline(config, tmp_path / "work")
    assert not pipeline.run(argv=["test"], on_event=lambda event: None).failures
    # one of them as the command publishes
    check = refuse_condemned if name == "HSMR-{}.npy" else lambda folder: None
    folder = release_from(pipeline, out=tmp_path / "release", version="1.0.0", check=check).folder
    verdict = verify_release(folder, root)
    assert verdict.issues == [] and verdict.unchecked == []
    assert verdict.rows["kinematics"] == 2 * len(TIMES_S) and verdict.rows["cycles"] > 0
