"""Proving a release: files, tables, their links, descriptions and the source."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pyarrow as pa

from qevd_bio.errors import UsageError
from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.tables.kinematics import ANGLE_COLUMNS
from qevd_bio.verify.descriptions import check_card_counts, check_descriptions
from qevd_bio.verify.files import Layout, check_files
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.links import VideoTables, check_links
from qevd_bio.verify.source import SENTENCE_COLUMNS, Sentences, Source, check_drop_in
from qevd_bio.verify.tables import Tables, check_tables


def verify_release(folder: Path, data_root: Path | None = None) -> Verdict:
    """Check everything a release claims.

    Parameters
    ----------
    folder : Path
        Folder of one version.
    data_root : Path, optional
        The source it was made from: times and texts are compared with it bit for bit, and
        equal videos are looked for.

    Returns
    -------
    Verdict
        All issues; row group by row group and video by video, so that memory does not grow
        with the release.

    Raises
    ------
    UsageError
        The folder does not exist.
    DataError
        The source cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(
            "is no folder",
            where=str(folder),
            next_step="Give the folder of one version, such as release/1.0.0",
        )
    verdict = Verdict()
    source = None if data_root is None else Source(data_root)
    layout = check_files(folder, verdict)
    if layout is None:
        verdict.skip("the tables: the manifest cannot be used")
        return verdict
    tables = check_tables(layout)
    if layout.is_current:
        check_descriptions(layout, tables)
    else:
        check_card_counts(layout)
    twins = _Twins()
    for split in sorted({entry["split"] for entry in layout.manifest["videos"].values()}):
        _check_split(layout, split, tables, source, twins)
    twins.report(verdict)
    return verdict


def _check_split(
    layout: Layout, split: str, tables: Tables, source: Source | None, twins: _Twins
) -> None:
    videos = sorted(
        video for video, entry in layout.manifest["videos"].items() if entry["split"] == split
    )
    stated = layout.manifest["splits"].get(split, {"videos": 0})["videos"]
    if stated != len(videos):
        cause = f"states {stated} videos, and names {len(videos)}"
        layout.verdict.add("count", f"manifest.json splits.{split}", cause)
    statuses: Counter[str] = Counter()
    sentences: Sentences | None = {} if split in tables.get("annotations", {}) else None
    for video in videos:
        try:
            own = check_links(layout, split, video, tables)
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            # an older or foreign schema: columns that the checks ask for are not there
            layout.verdict.skip(f"video {video}: its rows cannot be compared ({error!r})")
            own = {}
        rows = None
        annotations = own.get("annotations")
        if annotations is not None and set(SENTENCE_COLUMNS) <= set(annotations.column_names):
            rows = annotations.select(list(SENTENCE_COLUMNS)).to_pylist()
            statuses.update(annotations["status"].to_pylist())
            if sentences is not None:
                sentences[video] = rows
        twins.note(split, video, own, source)
        if source is not None:
            source.check_video(split, video, rows, own.get("kinematics"), layout.verdict)
    written = layout.manifest.get("statuses", {}).get(split)
    if sentences is not None and written is not None and dict(statuses) != dict(written):
        cause = (
            f"states {dict(sorted(written.items()))}, rows have {dict(sorted(statuses.items()))}"
        )
        layout.verdict.add("count", f"manifest.json statuses.{split}", cause)
    if split in SPLIT_FOLDERS:
        records = None if source is None else source.records(split)
        check_drop_in(layout, split, sentences, records)


class _Twins:
    """Videos of different splits that are the same, by what can be compared exactly."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def note(self, split: str, video: str, own: VideoTables, source: Source | None) -> None:
        """Keep a video's fingerprints."""
        marks = {"the same angles": _angle_digest(own.get("kinematics"))}
        bodies = own.get("morphometrics")
        if bodies is not None and bodies.num_rows and "betas" in bodies.column_names:
            betas = bodies["betas"][0].as_py()
            marks["the same body shape"] = repr(betas) if betas and any(betas) else None
        if source is not None:
            marks["the same video file"] = source.video_digest(video)
        for what, mark in marks.items():
            if mark is not None:
                self._found.setdefault((what, mark), []).append((split, video))

    def report(self, verdict: Verdict) -> None:
        """Name the videos of different splits that share a fingerprint."""
        for (what, _), places in self._found.items():
            if len({split for split, _ in places}) > 1:
                named = ", ".join(f"{video} ({split})" for split, video in places)
                verdict.add("leak", "train and test", f"{named} have {what}")


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
