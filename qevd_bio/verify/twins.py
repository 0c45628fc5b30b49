"""Videos of different splits that are the same, by what can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import product

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import FloatArray
from qevd_bio.tables.kinematics import ANGLE_COLUMNS
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.source import Source

_ANGLES = "the same angles"
_LEAST_MOMENTS = 20
_NEAR_RAD = 1e-3
"""Two captures of one footage differ by more in some mean or spread; noise cancels out in them."""


class Twins:
    """Videos of different splits that are the same, by what can be compared."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._moments: dict[str, dict[str, FloatArray]] = {}

    def note(
        self, split: str, video: str, own: Mapping[str, pa.Table], source: Source | None
    ) -> None:
        """Keep a video's fingerprints."""
        frames = own.get("kinematics")
        marks = {_ANGLES: _angle_digest(frames)}
        if frames is not None and marks[_ANGLES] is not None:
            self._moments.setdefault(split, {})[video] = _moments(frames)
        bodies = own.get("morphometrics")
        if bodies is not None and bodies.num_rows and "betas" in bodies.column_names:
            betas = bodies["betas"][0].as_py()
            marks["the same body shape"] = repr(betas) if betas and any(betas) else None
        if source is not None:
            marks["the same video file"] = source.video_digest(video)
        for what, mark in marks.items():
            if mark is not None:
                self._found.setdefault((what, mark), []).append((split, video))

    def take(self, other: Twins) -> None:
        """Add the fingerprints that another process found."""
        for mark, places in other._found.items():
            self._found.setdefault(mark, []).extend(places)
        for split, moments in other._moments.items():
            self._moments.setdefault(split, {}).update(moments)

    def report(self, verdict: Verdict) -> None:
        """Name the videos of different splits that share a fingerprint."""
        for (what, _), places in self._found.items():
            if len({split for split, _ in places}) > 1:
                named = ", ".join(f"{video} ({split})" for split, video in places)
                verdict.add("leak", "train and test", f"{named} have {what}")
        same = {mark: {video for _, video in self._found[mark]} for mark in self._found}
        for train, test in product(*(self._moments.get(split, {}) for split in ("train", "test"))):
            known = any(mark[0] == _ANGLES and {train, test} <= same[mark] for mark in same)
            if not known and _near(self._moments["train"][train], self._moments["test"][test]):
                cause = f"{train} (train), {test} (test) have nearly the same angles"
                verdict.add("leak", "train and test", cause)


def _near(one: FloatArray, other: FloatArray) -> bool:
    """Whether all means and spreads (2, 46) that both videos have agree."""
    apart = np.abs(one - other)
    known = apart[np.isfinite(apart)]
    return known.size >= _LEAST_MOMENTS and bool(known.max() <= _NEAR_RAD)


def _angle_digest(frames: pa.Table | None) -> str | None:
    """Hash the angles of a video; None where nothing moves or nothing is measured."""
    if frames is None or not frames.num_rows or not set(ANGLE_COLUMNS) <= set(frames.schema.names):
        return None
    digest, moves = hashlib.sha256(), False
    for name in ANGLE_COLUMNS:
        values = frames[name].to_numpy()
        moves = moves or bool((values[1:] != values[:-1]).any() and not (values != values).all())
        digest.update(values.tobytes())
    return digest.hexdigest() if moves else None


def _moments(frames: pa.Table) -> FloatArray:
    """Mean and spread of each angle (2, 46) in rad; NaN where it is not observed."""
    columns = [frames[name].to_numpy().astype(np.float64) for name in ANGLE_COLUMNS]
    return np.array([[column.mean(), column.std()] for column in columns]).T
