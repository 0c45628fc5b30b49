"""The quality of a video says which exercise each segment looks like, and when it is another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qevd_bio.exercises.load import load_rules
from qevd_bio.stages.quality import quality_row
from qevd_bio.stages.sessions import load_sessions
from qevd_bio.tables import quality as quality_table
from qevd_bio.tables.parquet import rows_table
from tests.exercises.performed import RULES, as_motion, performed
from tests.pipeline.sessions_made import FRAMES, LENGTHS_M, TIMES_S, record, write_root

SAID = [
    (5, "First up are squats!", 12, True),
    (220, "Moving on to squats!", 12, True),
    (400, "That's it for today!", 12, True),
]


def row_of(tmp_path: Path, second: str):
    """Squats, then another exercise under the name of squats."""
    sessions = load_sessions(write_root(tmp_path, [record("0001", SAID)]), load_rules())
    session = sessions.by_id["0001"]
    parts = [performed(RULES[name], 6, noise_deg=1.0, rate_hz=15.6) for name in ("squat", second)]
    first, last = (s.frame_start for s in session.segments)
    q = np.repeat(parts[0][:1], FRAMES, axis=0)
    for start, end, part in ((first, last, parts[0]), (last, FRAMES, parts[1])):
        frames = min(end - start, len(part))
        q[start : start + frames] = part[:frames]
        q[start + frames : end] = part[0]
    motion = as_motion(q, time_s=TIMES_S, segment_lengths_m=LENGTHS_M)
    return quality_row("0001", motion, session, [])


def test_another_exercise_than_the_named_one_is_a_concern(tmp_path: Path) -> None:
    row = row_of(tmp_path, "jumping_jack")
    assert row["exercise_recognised"] == ["squat", "jumping_jack"]
    assert all(0.0 < p <= 1.0 for p in row["exercise_probability"])
    said = [one for one in row["concerns"] if "looks like" in one]
    assert len(said) == 1 and said[0].startswith("segment 1, Squat: the movement looks like")
    assert rows_table([row], quality_table.SCHEMA).num_rows == 1


def test_the_named_exercise_is_none(tmp_path: Path) -> None:
    row = row_of(tmp_path, "squat")
    assert row["exercise_recognised"] == ["squat", "squat"]
    assert not [one for one in row["concerns"] if "looks like" in one]
