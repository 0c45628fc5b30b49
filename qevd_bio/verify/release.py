"""Proving a release: files, tables, their links, descriptions and the source."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.verify.derived import Derivation, derivation_of, frames_of
from qevd_bio.verify.descriptions import check_card_counts, check_descriptions, check_words
from qevd_bio.verify.dropped import check_review
from qevd_bio.verify.files import Layout, check_files
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.made_by import read_made_by
from qevd_bio.verify.source import Sentences, Source, check_drop_in
from qevd_bio.verify.source_records import check_missing, read_records
from qevd_bio.verify.tables import Tables, check_tables
from qevd_bio.verify.videos import Checked, Work, check_videos


def verify_release(folder: Path, data_root: Path | None = None, *, fast: bool = False) -> Verdict:
    """Check everything a release claims.

    Parameters
    ----------
    folder : Path
        Folder of one version.
    data_root : Path, optional
        The source it was made from: times and texts are compared with it bit for bit, and
        equal videos are looked for.
    fast : bool
        Check sums, manifest, schemas and counts only, and no row.

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
    tables = check_tables(layout, rows_too=not fast)
    if fast:
        verdict.skip("rows, descriptions and the drop-in files: only sums and schemas (--fast)")
        return verdict
    if layout.is_current:
        check_descriptions(layout, tables)
    else:
        check_card_counts(layout)
    made_by = read_made_by(layout)
    records = read_records(layout)
    if layout.is_current:
        check_missing(layout, records)
        check_review(layout, tables.get("annotations", {}))
    frames = frames_of(tables)
    derivation = None
    if made_by is not None and verdict.sound:
        derivation = derivation_of(layout, made_by, records, frames)
    found = check_videos(Work(layout, tables, source, derivation), frames)
    verdict.take(found.verdict)
    for split in sorted({entry["split"] for entry in layout.manifest["videos"].values()}):
        _check_split(layout, split, tables, source, found)
    found.twins.report(verdict)
    if made_by is not None:
        _take_derived(layout, derivation, found)
    if layout.is_current and verdict.sound:
        check_words(layout, tables)
    return verdict


def _take_derived(layout: Layout, derivation: Derivation | None, found: Checked) -> None:
    """Add what the derivation found, if nothing else is wrong: all else would follow from it."""
    verdict = layout.verdict
    if derivation is None or not verdict.sound:
        verdict.skip("rows derived again from angles and rules: something else is wrong already")
        return
    derivation.note_sample(layout)
    verdict.take(found.derived)


def _check_split(
    layout: Layout, split: str, tables: Tables, source: Source | None, found: Checked
) -> None:
    """Compare counts and drop-in file of a split with its rows."""
    videos = {
        video for video, entry in layout.manifest["videos"].items() if entry["split"] == split
    }
    stated = layout.manifest["splits"].get(split, {"videos": 0})["videos"]
    if stated != len(videos):
        cause = f"states {stated} videos, and names {len(videos)}"
        layout.verdict.add("count", f"manifest.json splits.{split}", cause)
    sentences: Sentences | None = None
    if split in tables.get("annotations", {}):
        sentences = {v: rows for v, rows in found.sentences.items() if v in videos}
    statuses = found.statuses.get(split, Counter())
    written = layout.manifest.get("statuses", {}).get(split)
    if sentences is not None and written is not None and dict(statuses) != dict(written):
        cause = (
            f"states {dict(sorted(written.items()))}, rows have {dict(sorted(statuses.items()))}"
        )
        layout.verdict.add("count", f"manifest.json statuses.{split}", cause)
    if split in SPLIT_FOLDERS:
        records = None if source is None else source.records(split)
        check_drop_in(layout, split, sentences, records)
