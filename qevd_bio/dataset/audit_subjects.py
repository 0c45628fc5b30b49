"""Whom the leak audit looks at: the videos of a source, with the bodies a run measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qevd_bio.capture.body_size import segment_ratios
from qevd_bio.dataset.audit import Subject
from qevd_bio.dataset.loading import read_manifest
from qevd_bio.errors import UsageError
from qevd_bio.qevd.records import load_records
from qevd_bio.stages.road import reopen_road
from qevd_bio.tables.kinematics import SCHEMA
from qevd_bio.tables.parquet import read_notes, read_parquet

_LENGTHWISE = {"thigh", "shank", "trunk"}


def subjects_of(data_root: Path, notes: Mapping[str, Any]) -> list[Subject]:
    """List the videos of a source.

    Parameters
    ----------
    data_root : Path
        Holds the split folders.
    notes : mapping
        What the capture noted, by unit id; videos without notes have no body.

    Returns
    -------
    list of Subject
        Train before test.

    Raises
    ------
    DataError
        The source cannot be read.
    UsageError
        It holds one split only, so that nothing can leak.
    """
    records = load_records(data_root).records
    if len({record.split for record in records}) < 2:
        raise UsageError(
            "holds one split only; nothing can be in both",
            where=str(data_root),
            next_step="Give the folder that holds train and test",
        )
    return [
        Subject(
            record.unit_id,
            record.split,
            record.video_file,
            *_body(notes.get(record.unit_id)),
        )
        for record in records
    ]


def notes_of_release(release: Path) -> dict[str, Any]:
    """Read the notes of the kinematics from the manifest of a release."""
    videos = read_manifest(release)["videos"]
    return {video: entry["kinematics"] for video, entry in videos.items()}


def work_of(work: Path) -> tuple[Path, dict[str, Any]]:
    """Read from a work folder where its source lies, and the notes of its kinematics."""
    road = reopen_road(work)
    notes = {
        video: read_notes(read_parquet(found["kinematics"], SCHEMA))
        for video, found in road.artifacts().items()
        if "kinematics" in found
    }
    return road.config.data_root, notes


def _body(notes: Any) -> tuple[Mapping[str, float], tuple[float, ...]]:  # noqa: ANN401
    motion = notes.get("motion") if isinstance(notes, Mapping) else None
    if not isinstance(motion, Mapping):
        return {}, ()
    lengths, betas = motion.get("segment_lengths_m") or {}, motion.get("betas") or ()
    ratios = segment_ratios(lengths) if set(lengths) >= _LENGTHWISE else {}
    return ratios, tuple(betas) if any(betas) else ()
