from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.views.plots import plot_video
from tests.release.made_artifacts import squat_curve


def chunks(data: bytes) -> list[str]:
    names, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        names.append(data[at + 4 : at + 8].decode())
        at += 12 + length
    return names


def pixels(path: Path) -> np.ndarray:
    image = pytest.importorskip("matplotlib.image")
    return np.asarray(image.imread(path))


def test_one_panel_a_segment_and_no_metadata_of_the_writer(tmp_path: Path) -> None:
    plot_video([squat_curve(0)], tmp_path / "one.png")
    plot_video([squat_curve(i) for i in range(3)], tmp_path / "three.png")
    one, three = pixels(tmp_path / "one.png"), pixels(tmp_path / "three.png")
    assert one.shape[1] == three.shape[1]
    assert three.shape[0] == 3 * one.shape[0]
    assert set(chunks((tmp_path / "one.png").read_bytes())) <= {"IHDR", "pHYs", "IDAT", "IEND"}


def test_equal_curves_give_equal_bytes_under_other_settings(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    plot_video([squat_curve()], tmp_path / "a.png")
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red"}):
        plot_video([squat_curve()], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"valid": np.ones(900, dtype=bool)},
        {"cycles": ()},
        {"utterances_s": ()},
        {"target_low": None},
        {"target_low": None, "target_high": None},
        {"tolerance": 0.0},
        {"values": np.full(900, 45.0)},
    ],
    ids=["unseen", "cycles", "utterances", "lower bound", "target", "tolerance", "values"],
)
def test_everything_told_is_drawn(tmp_path: Path, changed: dict[str, object]) -> None:
    # The title is drawn in the upper left corner and tells the target: compare below it.
    plot_video([squat_curve()], tmp_path / "a.png")
    plot_video([squat_curve(**changed)], tmp_path / "b.png")
    a, b = pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png")
    assert a.shape != b.shape or (a[24:] != b[24:]).any()


def test_segment_in_which_nobody_was_seen_and_odd_names(tmp_path: Path) -> None:
    curve = squat_curve(
        valid=np.zeros(900, dtype=bool), exercise="$\\frac{<b>", label="50 % $x", unit="ratio"
    )
    plot_video([curve], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0146: has no exercise segment"):
        plot_video([], tmp_path / "0146.png")


def test_missing_matplotlib_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EnvironmentProblem, match=r'pip install "qevd-bio\[plot\]"'):
        plot_video([squat_curve()], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_room_does_not_load_matplotlib() -> None:
    program = (
        "import sys, qevd_bio.views.plots, qevd_bio.views.diff_page;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
