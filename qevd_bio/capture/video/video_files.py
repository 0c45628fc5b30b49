"""The video files that a user names, one by one or by their folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from qevd_bio.errors import UsageError

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
"""What is taken out of a folder; a file that is named itself may have any."""


def video_files(paths: Sequence[Path]) -> list[Path]:
    """List video files, and those of folders in the order of their names.

    Raises
    ------
    UsageError
        A folder holds no video.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(f for f in path.iterdir() if f.suffix.lower() in VIDEO_SUFFIXES)
        if not inside:
            raise UsageError(
                f"holds no video ({', '.join(VIDEO_SUFFIXES)})",
                where=str(path),
                next_step="Name the files themselves",
            )
        files += inside
    return files


def video_id_of(file: Path) -> str:
    """Name a video after its file; a number would be read as a video of QEVD itself."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", file.stem).strip("_-")[:100] or "clip"
    return f"clip_{name}" if name.isdecimal() else name
