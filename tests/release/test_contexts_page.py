"""The examples of docs/contexts.md, run on a small release."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.feedback.context_stream import due_frames
from qevd_bio.released.contents import Release
from tests.exercises.performed import as_motion, performed
from tests.pipeline.sessions_made import LENGTHS_M
from tests.release.test_loading_page import ROOT, blocks

BLOCKS = blocks("python", (ROOT / "docs" / "contexts.md").read_text(encoding="utf-8"))


def test_the_slots_of_a_release(release: Release) -> None:
    names: dict = {}
    exec(BLOCKS[0].replace("release/1.0.0", Path(release.folder).as_posix()), names)
    assert names["slots"][0].text.startswith("Pose state: right knee flexion")
    assert names["in_force"][0] == 0 and names["now"] == names["rows"][-1]


def test_rows_of_a_live_motion() -> None:
    names: dict = {}
    exec(BLOCKS[1], names)
    motion = as_motion(performed(names["squat"], 2), segment_lengths_m=LENGTHS_M)
    rows = list(names["follow"](motion, names["squat"]))
    assert len(rows) == len(due_frames(motion.time_s.tolist()))
    assert rows[-1][1] == 1 and rows[-1][2].startswith("Pose state: right knee flexion")
