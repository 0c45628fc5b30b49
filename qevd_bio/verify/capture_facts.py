"""What the manifest states of a capture, against the frames of the video."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.backend import MEDIAPIPE
from qevd_bio.capture.body_size import segment_ratios
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables.kinematics import ANGLE_COLUMNS, ROOT_COLUMNS

_BESIDE_PICTURE = 1.5
"""Mid-hips farther from the middle of the picture, in its longer side, are in no picture."""

_SHARE_BESIDE = 0.5
_ROUNDING = 5.1e-5
"""Half of the last digit of a stated mean."""

_RATIO = 1e-5
"""Lengths are rounded in the notes."""

_NOISE_RATIO = 0.02
_NOISE_ROUNDING_RAD = 1e-4
"""Noises of frames are rounded, that of the video is not."""


def capture_issues(
    notes: Mapping[str, Any], motion: Motion, rows: pa.Table
) -> Iterator[tuple[str, str]]:
    """Find statements of a capture that its frames contradict.

    Parameters
    ----------
    notes : mapping
        The manifest's on the kinematics of the video.
    motion : Motion
        The published one.
    rows : Table
        Its rows of kinematics.

    Yields
    ------
    str, str
        Key of the notes, or column, and cause.
    """
    yield from _observed_issues(notes["motion"], rows)
    yield from _count_issues(notes.get("capture", {}), motion)
    yield from _body_issues(notes)
    yield from _noise_issues(motion)
    yield from _place_issues(motion, rows)


def _observed_issues(stated: Mapping[str, Any], rows: pa.Table) -> Iterator[tuple[str, str]]:
    nulled = stated.get("nulled", {})
    for name, column in zip(DOF_NAMES, ANGLE_COLUMNS, strict=True):
        lost = rows[column].null_count
        due = rows.num_rows
        if name in stated["observed"]:
            due = nulled.get(column, {}).get("frames", 0)
        if lost != due:
            yield "motion.observed", f"{column} is null in {lost} frames, and should be in {due}"


def _count_issues(capture: Mapping[str, Any], motion: Motion) -> Iterator[tuple[str, str]]:
    due = {
        "frames_expected": len(motion.time_s),
        "frames_valid": int(motion.valid.sum()),
        "mean_confidence": float(motion.confidence.mean()) if len(motion.time_s) else 0.0,
    }
    for name, value in due.items():
        stated = capture.get(name, value)
        if not isinstance(stated, int | float) or abs(stated - value) > _ROUNDING:
            yield f"capture.{name}", f"is {stated!r}, the frames give {value:.6g}"


def _body_issues(notes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    stated, lengths = notes["motion"], notes["motion"]["segment_lengths_m"]
    ratios = segment_ratios(lengths)
    own = notes.get("body", {}).get("segment_ratios", ratios)
    if own.keys() != ratios.keys() or any(abs(own[n] - ratios[n]) > _RATIO for n in own):
        yield "body.segment_ratios", "are not those of motion.segment_lengths_m"
    scale = "ratio" if stated["height_m"] is None else "height"
    if stated["scale"] != scale:
        yield "motion.scale", f"is {stated['scale']!r} and height_m {stated['height_m']!r}"
    length = math.hypot(*stated["gravity"])
    if not math.isclose(length, 1.0, rel_tol=1e-3):
        yield "motion.gravity", f"has length {length:.4g}, not 1"


def _noise_issues(motion: Motion) -> Iterator[tuple[str, str]]:
    """Compare the noise of the video with that of its frames; a measurement has some."""
    stated = motion.sigma_rad[motion.observed]
    if stated.size and not (stated > 0.0).all():
        yield "motion.sigma_rad", "has angles without any noise, which no measurement is"
    if motion.frame_sigma_rad is None:
        return
    own = motion.frame_sigma_rad[motion.valid][:, motion.observed]
    known = np.isfinite(own)
    if known.any() and not own[known].any():
        yield "*_sigma_rad", "are 0 in all frames, which no measurement is"
    elif motion.backend == MEDIAPIPE:
        counts = known.sum(axis=0)
        squares = np.where(known, own, 0.0) ** 2
        due = np.sqrt(squares.sum(axis=0) / np.maximum(counts, 1))
        far = np.abs(stated - due) > _NOISE_RATIO * due + _NOISE_ROUNDING_RAD
        for place in np.flatnonzero(far & (counts > 0)).tolist()[:1]:
            name = np.array(DOF_NAMES)[motion.observed][place]
            cause = f"of {name} is {stated[place]:.4g}, its frames give {due[place]:.4g}"
            yield "motion.sigma_rad", cause


def _place_issues(motion: Motion, rows: pa.Table) -> Iterator[tuple[str, str]]:
    """Find a person who would stand beside the picture, or a place that nobody measured."""
    if motion.root_m is None or motion.focal_share is None:
        if any(rows[name].null_count < rows.num_rows for name in ROOT_COLUMNS):
            yield "root_*_m", "hold a place, and motion.focal_share says that none was measured"
        return
    x, y, z = (_known(motion.root_m[motion.valid, axis]) for axis in range(3))
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    if not known.any():
        return
    behind = z[known] <= 0.0
    reach = _BESIDE_PICTURE * np.maximum(z[known], 1e-9) / motion.focal_share
    beside = behind | (np.maximum(np.abs(x[known]), np.abs(y[known])) > reach)
    if beside.mean() > _SHARE_BESIDE:
        yield "root_*_m", f"lies beside the picture in {int(beside.sum())} frames"


def _known(values: FloatArray) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
