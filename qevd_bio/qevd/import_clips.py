"""Plain clips become a folder in QEVD's layout, which `run` takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.capture.video.video_files import video_files, video_id_of
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import atomic_path, write_text_atomic
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.input_file import read_json_input
from qevd_bio.qevd.clip_record import Clip, ClipExercise, clip_texts
from qevd_bio.qevd.frame_times import NANOSECONDS, frame_times_s
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.qevd.load import claimed_id, read_source

NOTE_FILE = "imported.json"
"""Marks a folder that `import` made, and says what each video was made from."""


@dataclass(frozen=True, slots=True)
class ImportedClip:
    """What a video of the folder was made from."""

    video_id: str
    split: str
    source: str
    sha256: str
    frames: int
    exercises: tuple[str, ...]
    sentences: int


def clips_of(paths: Sequence[Path], exercise: str) -> list[Clip]:
    """List video files, and those of folders, as clips of one exercise from beginning to end."""
    return [Clip(file, (ClipExercise(exercise),)) for file in video_files(paths)]


def import_clips(clips: Sequence[Clip], target: Path, split: str) -> list[ImportedClip]:
    """Copy clips into a folder in QEVD's layout, and write their records.

    Parameters
    ----------
    clips : sequence of Clip
        All of them are imported, or none.
    target : Path
        A new folder, or one that this function made before: clips are added.
    split : str
        "train" or "test".

    Returns
    -------
    list of ImportedClip
        In the order of `clips`.

    Raises
    ------
    UsageError
        The folder was not made by this function.
    DataError, VideoError
        Two clips would have the same id, one is no video, or its times cannot be used.
    """
    noted = _noted(target)
    taken = [claimed_id(record) for record in _records(target)]
    folder = target / SPLIT_FOLDERS[split]
    records, made = _records(target, split), []
    write_text_atomic(target / NOTE_FILE, _note(noted))
    for clip, video_id in zip(clips, _video_ids(clips, taken), strict=True):
        record = _imported(clip, folder, video_id)
        records.append(record)
        made.append(
            ImportedClip(
                video_id=video_id,
                split=split,
                source=clip.file.name,
                sha256=sha256_file(folder / record["long_range_video_file"]),
                frames=len(record["feedbacks"]),
                exercises=tuple(one.name for one in clip.exercises),
                sentences=len(clip.sentences),
            )
        )
    # what the records name is imported; a note that lacks it costs only where it came from
    write_text_atomic(folder / RECORDS_FILE, _json(records))
    write_text_atomic(target / NOTE_FILE, _note(noted + [asdict(one) for one in made]))
    return made


def _imported(clip: Clip, folder: Path, video_id: str) -> dict[str, Any]:
    """Copy one clip, write its frame times, and return its record."""
    where = clip.where or str(clip.file)
    if not clip.file.is_file():
        raise DataError("is no file", where=where, next_step="Correct the path")
    videos = folder / "long_range_videos"
    copy = videos / f"{video_id}{clip.file.suffix.lower()}"
    stamps_file = videos / f"{video_id}_timestamps.npy"
    with atomic_path(copy) as temporary:
        shutil.copyfile(clip.file, temporary)
    shown_s = stored_times_s(copy)
    stamps = np.round((shown_s - shown_s[0]) * NANOSECONDS).astype(np.int64)
    times_s = frame_times_s(stamps, where=where)
    texts = clip_texts(clip, times_s - times_s[0])
    with atomic_path(stamps_file) as temporary, temporary.open("xb") as file:
        np.save(file, stamps, allow_pickle=False)
    return {
        "long_range_video_file": f"./long_range_videos/{copy.name}",
        "video_timestamps": f"./long_range_videos/{stamps_file.name}",
        "feedbacks": texts.feedbacks,
        "is_transition": texts.is_transition,
        "feedback_timestamps": [float(times_s[start]) for start in texts.starts],
    }


def _noted(target: Path) -> list[Any]:
    """Return what was noted of earlier imports; `UsageError` for a folder of another kind."""
    note = target / NOTE_FILE
    if not note.is_file():
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return []
        raise UsageError(
            f"was not made by `import` (it has no {NOTE_FILE}) and is left alone",
            where=str(target),
            next_step="Name a new folder",
        )
    stored = read_json_input(note, next_step="Restore it, or import into a new folder")
    clips = stored.get("clips") if isinstance(stored, dict) else None
    if not isinstance(clips, list):
        raise DataError("lists no clips", where=str(note), next_step="Import into a new folder")
    return clips


def _records(target: Path, *splits: str) -> list[Any]:
    """Read the records of some splits; of all where none is named."""
    files = [target / SPLIT_FOLDERS[split] / RECORDS_FILE for split in splits or SPLIT_FOLDERS]
    return [record for file in files if file.is_file() for record in read_source(file)]


def _note(clips: Sequence[object]) -> str:
    return _json({"schema_version": 1, "clips": clips})


def _video_ids(clips: Sequence[Clip], taken: Collection[str | None]) -> list[str]:
    """Name videos after their files; `DataError` where two would have one name."""
    ids: list[str] = []
    for clip in clips:
        video_id = video_id_of(clip.file)
        if video_id in ids or video_id in taken:
            raise DataError(
                f"would be a second video '{video_id}'",
                where=clip.where or str(clip.file),
                next_step="Rename the file, or leave it out if it was imported before",
            )
        ids.append(video_id)
    return ids


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
