"""Good cycles of a release, against its own tables.

Every cycle of the made-up release has a violation; the fixture takes those of one cycle away.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from qevd_bio.errors import DataError
from qevd_bio.generator import released_cycles as room
from qevd_bio.generator.released_cycles import released_cycles
from qevd_bio.generator.vqvae import VqvaeOptions
from qevd_bio.generator.vqvae_file import load_vqvae, save_vqvae
from qevd_bio.released.loading import load_split, load_table
from qevd_bio.skeleton.opensim_map import USED
from tools import train_vqvae_on_release
from tools.train_vqvae_on_release import LEAST, trained

GOOD = 1


@pytest.fixture
def forgiven(release, monkeypatch):
    """The release, of whose findings those of cycle 1 are no violations."""

    def loaded(split, path, config):
        table = load_table(split, path, config)
        if config != "findings":
            return table
        rows = [row | {"violated": row["violated"] and row["cycle_index"] != GOOD}
                for row in table.to_pylist()]  # fmt: skip
        return pa.Table.from_pylist(rows, table.schema)

    monkeypatch.setattr(room, "load_table", loaded)
    return release


@pytest.fixture
def cycles(release):
    return load_split("train", release.folder, "cycles")


def test_cycles_without_a_violation_come_with_their_frames(forgiven, cycles) -> None:
    found = released_cycles(forgiven.folder, "squat")
    good = cycles[cycles["cycle_index"] == GOOD]
    assert {one.video_id for one in found} == set(good["video_id"]) and len(found) == len(good) > 0
    for one in found:
        row = good[good["video_id"] == one.video_id].iloc[0]
        assert len(one.q) == row["frame_end"] - row["frame_start"] + 1
        assert one.time_s[0] == pytest.approx(row["start_s"])
        assert one.q.shape[1] == len(USED) == 33 and np.isfinite(one.q).all()


def test_faulty_cycles_and_other_exercises_are_left_out(release, forgiven) -> None:
    assert all(one.cycle_index == GOOD for one in released_cycles(forgiven.folder, "squat"))
    assert released_cycles(forgiven.folder, "plank") == []


def test_the_knee_of_a_cycle_is_the_published_one(forgiven) -> None:
    angles = load_split("train", forgiven.folder, "kinematics")
    one = released_cycles(forgiven.folder, "squat")[0]
    own = angles[angles["video_id"] == one.video_id].set_index("time_s")
    knee = own["knee_angle_r_rad"].loc[one.time_s].to_numpy()
    assert np.allclose(one.q[:, USED.index("knee_angle_r")], np.nan_to_num(knee), atol=1e-6)


def test_a_generator_is_trained_on_them_and_kept(forgiven, tmp_path) -> None:
    found = released_cycles(forgiven.folder, "squat")
    options = VqvaeOptions(width=8, codes=8, epochs=2, batch=4)
    with pytest.raises(DataError, match="good cycles of this exercise"):
        trained(found[:1], options)
    many = [found[i % len(found)] for i in range(LEAST)]
    save_vqvae(trained(many, options), tmp_path / "own.safetensors")
    again = load_vqvae(tmp_path / "own.safetensors")
    assert again.shape.coordinates == USED and again.latents().shape[0] == LEAST
    channels = again.network.decode(again.latents()).detach()
    q, time_s = again.shape.cycle(channels[0].numpy().astype(np.float64), 30.0)
    assert q.shape == (len(time_s), len(USED)) and np.isfinite(q).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--width", "100"], "100 cannot be cut into 8 parts.* as 96 or 104"),
        (["--codes", "0"], "codes 0 and heads 8 must be 1 or more"),
        ([], "0 good cycles of this exercise, fewer than"),
    ],
)
def test_the_tool_says_what_cannot_be_trained(
    words, told, release, tmp_path, capsys, monkeypatch
) -> None:
    out = tmp_path / "out.safetensors"
    monkeypatch.setattr("sys.argv", ["tool", str(out), str(release.folder), *words])
    with pytest.raises(SystemExit) as ended:
        train_vqvae_on_release.main()
    shown = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 2 and re.search(told, shown), shown
    assert not out.exists()
