"""Counts and places of repetitions in recordings with a published truth."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.repetitions.cycles import CycleSettings
from qevd_bio.motion.repetitions.detection import detect_cycles

pytestmark = pytest.mark.data


def cycles_of(angle_deg, rate_hz, valid=None, settings=None):
    known = np.ones(len(angle_deg), dtype=bool) if valid is None else valid
    curve = unwrap_angles(np.deg2rad(angle_deg.astype(np.float64)), known)
    time_s = np.arange(len(curve)) / rate_hz
    return detect_cycles(curve, time_s, known, settings=settings or CycleSettings())


def mot_column(path, name):
    lines = path.read_text().splitlines()
    header = next(i for i, line in enumerate(lines) if line.strip() == "endheader") + 1
    names = lines[header].split()
    table = np.array([line.split() for line in lines[header + 1 :] if line.strip()], dtype=float)
    degrees = any(line.strip() == "inDegrees=yes" for line in lines[:header])
    values = table[:, names.index(name)]
    return table[:, 0], values if degrees else np.rad2deg(values)


@pytest.mark.parametrize(
    "name, bottoms_s",
    [
        ("squats1_videoAndMocap.mot", [0.95, 2.46, 3.97, 5.56, 7.18]),
        ("subject4_squats1_ik.mot", [1.35, 3.93, 6.73, 9.44, 12.27]),
        ("subject4_squatsAsym1_ik.mot", [1.27, 4.02, 6.76, 9.44, 12.25]),
    ],
)
def test_opencap_squats_are_counted_and_their_bottoms_found(shared_data, name, bottoms_s):
    time_s, knee_deg = mot_column(shared_data / "opencap_opensim" / name, "knee_angle_r")
    cycles = cycles_of(knee_deg, 1 / np.median(np.diff(time_s)))
    assert [c.key_s for c in cycles] == pytest.approx(bottoms_s, abs=0.2)


@pytest.mark.parametrize(
    "name, column, first, stop, keys_s",
    [
        pytest.param("13_29", "rtibia_rx", 3804, 4592, [33.21, 36.32], id="squats 13_29"),
        pytest.param("14_14", "rtibia_rx", 1044, 1608, [9.88, 12.29], id="squats 14_14"),
        pytest.param("13_29", "rhumerus_rx", 0, 468, [0.57, 1.69, 2.8], id="jacks 13_29"),
        pytest.param("14_14", "rhumerus_rx", 0, 456, [1.08, 2.11, 3.18], id="jacks 14_14"),
    ],
)
def test_cmu_repetitions_are_counted(shared_data, name, column, first, stop, keys_s):
    with gzip.open(shared_data / "cmu_mocap6" / f"{name}.csv.gz", "rt") as file:
        angle = np.array([float(row[column]) for row in csv.DictReader(file)])
    cycles = cycles_of(angle[first:stop], 120.0)
    assert [first / 120 + c.key_s for c in cycles] == pytest.approx(keys_s, abs=0.3)
