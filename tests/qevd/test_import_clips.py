"""Plain clips, read back as a session of QEVD."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError, QevdBioError, UsageError, VideoError
from qevd_bio.qevd.clip_record import Clip, ClipExercise, ClipSentence, clip_texts
from qevd_bio.qevd.clip_table import read_clip_table
from qevd_bio.qevd.import_clips import NOTE_FILE, clips_of, import_clips
from qevd_bio.qevd.load import load_records
from qevd_bio.qevd.segments import segments
from qevd_bio.qevd.utterances import utterances
from tests.capture.video_files import grey_ramp, write_video

RATE = 10
FRAMES = 50
SINCE_S = np.arange(200) / 25.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "my squats.mp4"
    write_video(path, grey_ramp(FRAMES), rate=RATE)
    return path


def test_a_clip_is_one_segment_from_its_first_frame_almost_to_its_last(
    video: Path, tmp_path: Path
) -> None:
    import_clips(clips_of([video], "squats"), tmp_path / "Q", "train")
    loaded = load_records(tmp_path / "Q")
    (record,) = loaded.records
    assert (record.unit_id, record.issues, loaded.rejected) == ("my_squats", (), ())
    assert record.video_file.read_bytes() == video.read_bytes()
    np.testing.assert_allclose(np.diff(record.times_s), 1 / RATE, atol=1e-6)
    (segment,) = segments(record)
    assert segment.exercise_text == "squats"
    assert segment.frame_start == 0
    assert FRAMES - 3 <= segment.frame_end <= FRAMES


def test_a_table_says_when_what_is_done_and_said(video: Path, tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    table.write_text(
        "\ufeffclip,exercise,start,end,text\n"
        f"{video},lunges,3,,\n"
        f"{video},squats,0,2,\n"
        f'{video},,0.55,,"Deeper, please"\n'
        f"{video},,3.9,4.2,Now the other leg\n",
        encoding="utf-8",
    )
    import_clips(read_clip_table(table), tmp_path / "Q", "test")
    (record,) = load_records(tmp_path / "Q").records
    assert record.split == "test" and record.issues == ()
    assert [(one.text, one.frame_start, one.is_transition) for one in utterances(record)] == [
        ("First up are squats!", 0, True),
        ("Deeper, please", 6, False),
        ("Take a break!", 20, True),
        ("Moving on to lunges!", 30, True),
        ("Now the other leg", 39, False),
        ("That's it for today!", 47, True),
    ]
    other = utterances(record)[4]
    assert other.frame_end == 42
    assert other.timestamp_s == record.times_s[39]
    names = [(one.exercise_text, one.utterance_indices) for one in segments(record)]
    assert names == [("squats", (1,)), ("Take a break", ()), ("lunges", (4,))]


def test_equal_sentences_in_a_row_stay_two() -> None:
    said = (ClipSentence("Deeper", 3.0, 5.0), ClipSentence("Deeper", 4.0))
    clip = Clip(Path("c.mp4"), (ClipExercise("squats"),), said)
    feedbacks = clip_texts(clip, SINCE_S).feedbacks
    assert feedbacks[75:99] == ["Deeper"] * 24
    assert feedbacks[99] == ""
    assert feedbacks[100] == "Deeper"


@pytest.mark.parametrize("said_s", [0.0, 0.01, 0.04])
def test_a_sentence_at_the_very_beginning_follows_the_announcement(said_s: float) -> None:
    clip = Clip(Path("c.mp4"), (ClipExercise("squats"),), (ClipSentence("Deeper", said_s),))
    texts = clip_texts(clip, SINCE_S)
    assert texts.feedbacks[:2] == ["First up are squats!", "Deeper"]
    assert texts.starts[:2] == [0, 1]


TWO = (ClipExercise("squats", 0.0, 3.0), ClipExercise("lunges", 2.0))
BAD_CLIPS = {
    "exercises overlap": (TWO, (), "ends at 3 s, the next begins at 2 s"),
    "after the clip": ((ClipExercise("squats", 9.0),), (), "no part of it"),
    "backwards": ((ClipExercise("squats", 3.0, 2.0),), (), "no part of it"),
    "said in no exercise": (
        (ClipExercise("squats", 0.0, 3.0),), (ClipSentence("Deeper", 5.0),), "while no exercise"
    ),
    "ends before it begins": (
        (ClipExercise("squats"),), (ClipSentence("Deeper", 5.0, 4.0),), "before it begins"
    ),
    "too many for the frames": (
        (ClipExercise("squats"),),
        tuple(ClipSentence(f"{nth}", 1.0) for nth in range(200)),
        "too few frames",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CLIPS)
def test_what_cannot_be_is_refused_by_its_cause(name: str) -> None:
    exercises, said, cause = BAD_CLIPS[name]
    with pytest.raises(DataError, match=cause):
        clip_texts(Clip(Path("c.mp4"), exercises, said), SINCE_S)


BAD_TABLES = {
    "no header": ("a.mp4,squats\n", "has the columns"),
    "unknown column": ("clip,exercise,note\n", "has the columns"),
    "no clip": ("clip,exercise\n", "names no clip"),
    "empty clip": ("clip,exercise\n,squats\n", "names no clip"),
    "short row": ("clip,exercise,start\na.mp4,squats\n", "has not 3 columns"),
    "no time": ("clip,exercise,start\na.mp4,squats,soon\n", "no time in seconds"),
    "nan": ("clip,exercise,start\na.mp4,squats,nan\n", "no time in seconds"),
    "neither": ("clip,exercise\na.mp4,\n", "neither"),
    "text without a time": ("clip,exercise,text\na.mp4,squats,Deeper\n", "without a start"),
    "two exercises, no times": (
        "clip,exercise,start,text\na.mp4,squats,1,Deeper\na.mp4,lunges,2,Deeper\n",
        "name 2 exercises",
    ),
    "escape": ("clip,exercise,start,text\na.mp4,squats,1,\x1b[2J\n", "control character"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_that_cannot_be_used_names_its_line(name: str, tmp_path: Path) -> None:
    content, cause = BAD_TABLES[name]
    table = tmp_path / "clips.csv"
    table.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=cause):
        read_clip_table(table)


def test_clips_are_added_and_never_twice(video: Path, tmp_path: Path) -> None:
    target = tmp_path / "Q"
    import_clips(clips_of([video], "squats"), target, "train")
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match="second video 'my_squats'"):
        import_clips(clips_of([video], "squats"), target, "test")
    assert before == {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    numbered = tmp_path / "0012.mp4"
    numbered.write_bytes(video.read_bytes())
    import_clips(clips_of([numbered], "squats"), target, "test")
    # a number would say that QEVD stored it sideways
    assert [one.unit_id for one in load_records(target).records] == ["my_squats", "clip_0012"]
    noted = json.loads((target / NOTE_FILE).read_text(encoding="utf-8"))["clips"]
    assert [one["source"] for one in noted] == ["my squats.mp4", "0012.mp4"]


def test_nothing_is_imported_where_one_clip_is_no_video(video: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(VideoError, match="broken"):
        import_clips(clips_of([video, broken], "squats"), tmp_path / "Q", "train")
    import_clips(clips_of([video], "squats"), tmp_path / "Q", "train")
    assert len(load_records(tmp_path / "Q").records) == 1


def test_a_folder_of_somebody_else_is_left_alone(video: Path, tmp_path: Path) -> None:
    (tmp_path / "QEVD-FIT-COACH").mkdir()
    with pytest.raises(UsageError, match="left alone"):
        import_clips(clips_of([video], "squats"), tmp_path, "train")
    with pytest.raises(QevdBioError, match="is no file"):
        import_clips(clips_of([tmp_path / "none.mp4"], "squats"), tmp_path / "Q", "train")
