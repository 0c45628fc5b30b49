"""OpenSim's .mot files: written files are read back, malformed ones refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.files.opensim_mot import read_mot, write_mot

GOOD = "Coordinates\nversion=1\nnRows=2\nnColumns=3\ninDegrees=no\n\nsome words = of OpenSim\n\n" \
       "endheader\ntime\ta\tb\n0\t1\t2\n  0.5\t 3 \t-4e-1\n"  # fmt: skip


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    time_s = np.array([0.0, 0.1, 0.25])
    write_mot(tmp_path / "a.mot", time_s, {"knee": time_s * 90.0, "tx": -time_s})
    again = read_mot(tmp_path / "a.mot")
    assert again.in_degrees
    assert np.array_equal(again.time_s, time_s)
    assert list(again.columns) == ["knee", "tx"]
    assert np.allclose(again.columns["knee"], time_s * 90.0, atol=1e-8)


def test_radians_blank_lines_and_padding_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.mot").write_text(GOOD)
    again = read_mot(tmp_path / "a.mot")
    assert not again.in_degrees
    assert again.columns["b"].tolist() == [2.0, -0.4]


@pytest.mark.parametrize("line", ["inDegrees = no", "indegrees=No", "inDegrees=\tno"])
def test_the_unit_may_have_spaces_around_it(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.mot").write_text("\ufeff" + GOOD.replace("inDegrees=no", line))
    assert not read_mot(tmp_path / "a.mot").in_degrees


def test_states_get_the_names_of_their_coordinates_and_the_rest_is_left_out(
    tmp_path: Path,
) -> None:
    states = "/jointset/knee/knee_angle_r/value\t/forceset/soleus_r/activation"
    text = GOOD.replace("\ta\tb", f"\t{states}")
    (tmp_path / "a.sto").write_text(text)
    again = read_mot(tmp_path / "a.sto")
    assert {name: values.tolist() for name, values in again.columns.items()} == {
        "knee_angle_r": [1.0, 3.0]
    }
    (tmp_path / "a.sto").write_text(text.replace("/forceset/soleus_r/activation", "knee_angle_r"))
    with pytest.raises(DataError, match="twice"):
        read_mot(tmp_path / "a.sto")


def test_a_gap_is_kept_as_nan(tmp_path: Path) -> None:
    (tmp_path / "a.mot").write_text(GOOD.replace("0\t1\t2", "0\t1\tnan"))
    assert np.isnan(read_mot(tmp_path / "a.mot").columns["b"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (GOOD.replace("endheader", "end"), "endheader"),
        (GOOD.replace("inDegrees=no\n", ""), "inDegrees"),
        (GOOD.replace("inDegrees=no", "inDegrees=maybe"), "inDegrees"),
        (GOOD.split("time")[0], "has no rows"),
        (GOOD.replace("time\t", "frame\t"), "first column"),
        (GOOD.replace("\ta\tb", "\ta\ta"), "twice"),
        (GOOD.replace("0\t1\t2", "0\t1"), "line 11 does not hold 3 numbers"),
        (GOOD.replace("0\t1\t2", "0\t1\tx"), "line 11 does not hold 3 numbers"),
        (GOOD.replace("0\t1\t2", "nan\t1\t2"), "time does not increase"),
        (GOOD.replace("  0.5", "-0.5"), "time does not increase"),
    ],
    ids=["header", "unit", "which unit", "rows", "time", "twice", "short", "word", "nan", "back"],
)
def test_malformed_files_are_refused_with_the_cause(tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "a.mot").write_text(text)
    with pytest.raises(DataError, match=cause):
        read_mot(tmp_path / "a.mot")


def test_an_absent_or_binary_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "b.mot").write_bytes(b"\xff\xfe\x00")
    for name in ("a.mot", "b.mot"):
        with pytest.raises(DataError, match="cannot be read"):
            read_mot(tmp_path / name)
