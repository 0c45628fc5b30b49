"""The command line called in the process of the test, and a data root to call it on."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import NamedTuple

from qevd_bio.cli.main import app


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def qevd_bio(*arguments: str, cwd: Path = Path()) -> Done:
    """Call the command line in this process: importing it again takes a second each time."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            app(args=list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def data_root_with(folder: Path, stamps: list[float]) -> Path:
    """Lay out a record whose video is absent."""
    split = folder / "QEVD" / "QEVD-FIT-COACH"
    split.mkdir(parents=True)
    record = {
        "long_range_video_file": "./long_range_videos/0300.mp4",
        "video_timestamps": "./long_range_videos/0300_timestamps.npy",
        "feedbacks": ["", "Lower!", "Lower!", ""],
        "feedback_timestamps": stamps,
        "is_transition": [False] * len(stamps),
    }
    (split / "feedbacks_long_range.json").write_text(json.dumps([record]), encoding="utf-8")
    return folder / "QEVD"
