"""Damaged source data: a clear error or a stated status, and no other loss."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.capture.monocular import backend as monocular_backend
from qevd_bio.errors import DataError
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.tables.parquet import read_notes
from qevd_bio.views.work_folder import annotation_rows
from tests.e2e.source_records import TRAIN, records_of, write_records

pytestmark = pytest.mark.slow

VIDEOS = Path(TRAIN) / "long_range_videos"


@pytest.fixture
def two_videos(workout: Path, tmp_path: Path) -> Path:
    """The workout twice: 0200 stays sound, 0201 is there to be damaged."""
    root = tmp_path / "QEVD"
    shutil.copytree(workout, root)
    for name in ("0200.mp4", "0200_timestamps.npy"):
        shutil.copy(root / VIDEOS / name, root / VIDEOS / name.replace("0200", "0201"))
    record = records_of(root)[0]
    other = json.loads(json.dumps(record).replace("0200", "0201"))
    write_records(root, [record, other])
    return root


@pytest.fixture(scope="session")
def sound_work(workout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which 0200 is done; later damage must not affect it."""
    folder = tmp_path_factory.mktemp("sound") / "work"
    _pipeline, failures = run(workout, folder)
    assert failures == []
    return folder


@pytest.fixture
def work(sound_work: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound_work, tmp_path / "work"))


def run(root: Path, work: Path) -> tuple[Pipeline, list[str]]:
    pipeline = open_pipeline(PipelineConfig(root, detector_model="full"), work)
    summary = pipeline.run(argv=["test"], on_event=lambda event: None)
    return pipeline, [f"{f.video_id} {f.stage}: {f.reason}" for f in summary.failures]


def empty(root: Path) -> None:
    (root / VIDEOS / "0201.mp4").write_bytes(b"")


def page_saved_as_video(root: Path) -> None:
    (root / VIDEOS / "0201.mp4").write_text("<html>not found</html>", encoding="utf-8")


def a_tenth_left(root: Path) -> None:
    path = root / VIDEOS / "0201.mp4"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 10])


def absent(root: Path) -> None:
    (root / VIDEOS / "0201.mp4").unlink()


def stamps_too_short(root: Path) -> None:
    path = root / VIDEOS / "0201_timestamps.npy"
    np.save(path, np.load(path)[:40])


def stamps_absent(root: Path) -> None:
    (root / VIDEOS / "0201_timestamps.npy").unlink()


def stamps_no_array(root: Path) -> None:
    (root / VIDEOS / "0201_timestamps.npy").write_bytes(b"\x80\x04junk")


@pytest.mark.parametrize(
    "damage",
    [
        empty,
        page_saved_as_video,
        a_tenth_left,
        absent,
        stamps_too_short,
        stamps_absent,
        stamps_no_array,
    ],
    ids=lambda damage: damage.__name__,
)
def test_one_damaged_video_fails_alone(
    two_videos: Path, work: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(two_videos)
    pipeline, failures = run(two_videos, work)
    assert len(failures) == 1
    assert failures[0].startswith("0201 kinematics: ")
    assert len(failures[0].splitlines()) == 1
    release = release_from(pipeline, out=tmp_path / "release", version="0.1.0")
    assert {row["video_id"] for row in annotation_rows(pipeline)} == {"0200"}
    assert [video.video_id for video in release.contents.missing] == ["0201"]
    card = (release.folder / "README.md").read_text(encoding="utf-8")
    assert "0201" in card
    assert str(two_videos) not in card
    drop_in = json.loads(
        (release.folder / "drop_in" / TRAIN / "feedbacks_long_range.json").read_text()
    )
    assert drop_in[1] == records_of(two_videos)[1]


def with_header_in_front(path: Path) -> bytes:
    """Put the index before the pictures, as for streaming, without encoding again."""
    other = path.with_name("front.mp4")
    with (
        av.open(str(path)) as source,
        av.open(str(other), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = other.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    other.unlink()
    return data


def test_a_cut_video_keeps_what_decodes(two_videos: Path, work: Path) -> None:
    """The header still claims all frames; the tail is marked, not invented."""
    path = two_videos / VIDEOS / "0201.mp4"
    data = with_header_in_front(path)
    path.write_bytes(data[: int(len(data) * 0.75)])
    pipeline, failures = run(two_videos, work)
    assert failures == []
    sound = pq.read_table(pipeline.artifacts()["0200"]["kinematics"])
    cut = pq.read_table(pipeline.artifacts()["0201"]["kinematics"])
    assert cut.num_rows == sound.num_rows
    valid = cut["valid"].to_numpy(zero_copy_only=False)
    assert 0.5 * len(valid) < valid.sum() < 0.95 * len(valid)
    assert not valid[-1]
    assert (cut["confidence"].to_numpy()[~valid] == 0).all()
    capture = read_notes(cut)["capture"]
    assert capture["frames_decoded"] < capture["frames_expected"] == cut.num_rows
    assert not capture["video_complete"]


def test_a_video_cut_to_less_than_half_fails_with_both_counts(
    two_videos: Path, work: Path
) -> None:
    path = two_videos / VIDEOS / "0201.mp4"
    data = with_header_in_front(path)
    path.write_bytes(data[: int(len(data) * 0.4)])
    _pipeline, failures = run(two_videos, work)
    assert len(failures) == 1
    assert failures[0].startswith("0201 kinematics: VideoError")
    assert re.search(r"\d+ of \d+", failures[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [("[{", "line"), ("{}", "list"), ("", "line")],
    ids=["cut", "no list", "empty"],
)
def test_a_malformed_annotation_file_names_itself(
    two_videos: Path, work: Path, text: str, words: str
) -> None:
    (two_videos / TRAIN / "feedbacks_long_range.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        open_pipeline(PipelineConfig(two_videos, detector_model="full"), work)
    assert "feedbacks_long_range.json" in str(caught.value)


@pytest.mark.parametrize(
    "path", ["./../../secret.mp4", "/etc/passwd", "long_range_videos/../../../x.mp4"]
)
def test_a_record_that_leaves_the_folder_is_rejected(
    two_videos: Path, work: Path, path: str
) -> None:
    records = records_of(two_videos)
    records[1]["long_range_video_file"] = path
    write_records(two_videos, records)
    pipeline, failures = run(two_videos, work)
    assert failures == []
    assert len(pipeline.rejected()) == 1
    assert {row["video_id"] for row in annotation_rows(pipeline)} == {"0200"}


def test_an_exercise_without_a_rule_keeps_its_sentences(two_videos: Path, work: Path) -> None:
    records = records_of(two_videos)
    feedbacks = [t.replace("squats!", "zorbing!") for t in records[1]["feedbacks"]]
    records[1]["feedbacks"] = feedbacks
    write_records(two_videos, records)
    pipeline, failures = run(two_videos, work)
    assert failures == []
    rows = [row for row in annotation_rows(pipeline) if row["video_id"] == "0201"]
    assert len(rows) == 5
    assert all(row["feedback"] == row["feedback_original"] for row in rows)
    judged = [row for row in rows if row["kind"] in ("corrective", "instructional")]
    assert {row["status"] for row in judged} == {"unmeasurable"}
    assert all("no rule" in row["reason"] for row in judged)
    assert all(row["exercise_text"] == "zorbing" for row in judged)


@pytest.mark.parametrize("share", [1.0, 0.5], ids=["all frames", "every other frame"])
def test_angles_that_are_no_numbers_are_never_judged(
    two_videos: Path, work: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """A backend that returns NaN gets a failed unit or kept sentences, never praise."""
    from dataclasses import replace

    real = monocular_backend.capture_motion

    def broken(path, time_s, *, video_id, config, exercises=()):
        captured = real(path, time_s, video_id=video_id, config=config, exercises=exercises)
        if video_id != "0201":
            return captured
        q = captured.motion.q.copy()
        q[:: 1 if share == 1.0 else 2] = np.nan
        return replace(captured, motion=replace(captured.motion, q=q))

    monkeypatch.setattr(monocular_backend, "capture_motion", broken)
    pipeline, _failures = run(two_videos, work)
    rows = annotation_rows(pipeline)
    assert any(row["video_id"] == "0200" and row["status"] == "rewritten" for row in rows)
    for row in rows:
        if row["video_id"] == "0201":
            assert row["feedback"] == row["feedback_original"]
            for finding in row["findings"]:
                assert not finding["violated"]
