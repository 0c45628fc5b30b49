from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.views.curves import Target
from qevd_bio.views.plot import plot_curves
from tests.views.made_curves import squat_curve


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
    plot_curves([squat_curve(0)], tmp_path / "one.png")
    plot_curves([squat_curve(i) for i in range(3)], tmp_path / "three.png")
    one, three = pixels(tmp_path / "one.png"), pixels(tmp_path / "three.png")
    assert one.shape[1] == three.shape[1]
    assert three.shape[0] == 3 * one.shape[0]
    assert set(chunks((tmp_path / "one.png").read_bytes())) <= {"IHDR", "pHYs", "IDAT", "IEND"}


def test_equal_curves_give_equal_bytes_under_other_settings(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    plot_curves([squat_curve()], tmp_path / "a.png")
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red"}):
        plot_curves([squat_curve()], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"values": np.full(900, 45.0)},
        {"cycles": ()},
        {"utterances_s": ()},
        {"target": Target(None, 120.0, 10.0)},
        {"target": None},
        {"target": Target(90.0, 120.0)},
        {"target": Target(90.0, 120.0, 10.0, guard=6.0)},
    ],
    ids=["values", "cycles", "utterances", "lower bound", "target", "tolerance", "guard"],
)
def test_everything_in_the_data_is_drawn(tmp_path: Path, changed: dict[str, object]) -> None:
    # the heading names the target: compare below it
    plot_curves([squat_curve()], tmp_path / "a.png")
    plot_curves([squat_curve(**changed)], tmp_path / "b.png")
    a, b = pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png")
    assert a.shape != b.shape or (a[54:] != b[54:]).any()


def test_segment_without_a_value_and_odd_names(tmp_path: Path) -> None:
    curve = squat_curve(
        values=np.full(900, np.nan), exercise="$\\frac{<b>", label="50 % $x", unit="ratio"
    )
    plot_curves([curve], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0146: has no exercise segment"):
        plot_curves([], tmp_path / "0146.png")


def test_missing_matplotlib_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EnvironmentProblem, match=r'pip install "qevd-bio\[plot\]"'):
        plot_curves([squat_curve()], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_room_does_not_load_matplotlib() -> None:
    program = (
        "import sys, qevd_bio.views.plot, qevd_bio.views.diff_page;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
