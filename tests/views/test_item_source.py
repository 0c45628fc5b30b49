"""What is read of a release for one utterance: its row, its frames, its cycles."""

from __future__ import annotations

import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from qevd_bio.errors import DataError
from qevd_bio.tables.kinematics import motion_from_table, read_motion
from qevd_bio.tables.parquet import read_notes
from qevd_bio.views.annotation_snapshot import AnnotationSnapshot
from qevd_bio.views.item_curves import AT_REST_NOTE, item_curves
from qevd_bio.views.item_source import MOST_FRAMES, ItemSource
from qevd_bio.views.motion_windows import FrameRows, MotionWindows
from qevd_bio.views.release_items import release_items
from qevd_bio.views.work_items import media_inside
from tests.release.made_artifacts import UNOBSERVED, annotation, kept
from tests.views.made_items import artifact_rows, made_release

ARCHIVES = sorted((Path(__file__).parents[1] / "archives").glob("*.tar.xz"))


@pytest.fixture(params=[16_384, 7], ids=["one row group", "many"])
def source(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ItemSource:
    return release_items(made_release(tmp_path, monkeypatch, request.param))


def test_rows_are_those_of_the_artifacts_with_their_split(
    source: ItemSource, tmp_path: Path
) -> None:
    written = {
        (row["video_id"], row["feedback_index"]): row
        for video in ("0007", "0146", "0150")
        for row in artifact_rows(tmp_path, video)
    }
    assert len(source) == len(written) and set(source.places()) == set(written)
    for place, row in written.items():
        found = source.row(*place)
        assert found.pop("split") == ("test" if place[0] == "0150" else "train")
        assert found == row
    names = {"video_id", "split"}
    assert all(set(row) == names for row in source.rows(["video_id", "split"]))
    assert sum(1 for _ in source.rows()) == len(written)


def test_an_absent_utterance_is_named(source: ItemSource) -> None:
    with pytest.raises(DataError, match="has no utterance 9"):
        source.row("0146", 9)


def test_a_window_holds_the_frames_of_its_video(source: ItemSource, tmp_path: Path) -> None:
    for video, frames in (("0007", 30), ("0146", 20), ("0150", 7)):
        whole = read_motion(tmp_path / "work" / video / "kinematics.parquet")
        row = source.row(video, 0) | {"frame_start": 3, "frame_end": 6}
        window = source.window(row)
        assert window is not None
        assert window.first_frame == 0 and len(window.motion.time_s) == frames
        np.testing.assert_array_equal(window.motion.time_s, whole.time_s)
        np.testing.assert_array_equal(window.motion.valid, whole.valid)
        seen = whole.observed
        np.testing.assert_array_equal(window.motion.q[:, seen], whole.q[:, seen])
        assert not window.motion.q[:, ~seen].any()
        assert set(window.assumed) == set(UNOBSERVED)
        assert window.clock_start_s == whole.time_s[0]
        assert window.index_of(-5) == 0 and window.index_of(999) == frames - 1
        assert window.nearest(float(whole.time_s[4]) + 1e-4) == 4


def test_parts_of_a_video_are_read_from_their_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = release_items(made_release(tmp_path, monkeypatch, 7))
    windows = MotionWindows(source._parts.frames_of)
    whole = read_motion(tmp_path / "work" / "0007" / "kinematics.parquet")
    for first in range(0, 30, 4):
        for stop in range(first + 1, 31, 5):
            window = windows.read("0007", first, stop)
            assert window is not None and window.first_frame == first
            np.testing.assert_array_equal(window.motion.time_s, whole.time_s[first:stop])
            np.testing.assert_array_equal(
                window.motion.q[:, whole.observed], whole.q[first:stop, whole.observed]
            )
    assert len(windows._held) <= 24
    beyond = windows.read("0007", 90, 100)
    assert beyond is not None and beyond.first_frame == 29, "the last frame is nearest"
    assert windows.read("absent", 0, 4) is None


def test_frames_that_are_not_numbered_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    from qevd_bio.tables.kinematics import motion_table
    from qevd_bio.tables.parquet import write_parquet
    from tests.release.made_artifacts import motion

    table, notes = motion_table("0001", motion(10))
    write_parquet(table.take(pa.array([0, 1, 2, 4, 3, 5])), path)
    windows = MotionWindows(lambda _: FrameRows(path, 0, 6, lambda: notes))
    with pytest.raises(DataError, match="does not hold frames 0 to 5"):
        windows.read("0001", 0, 6)
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as Parquet"):
        windows.read("0001", 0, 5)


def test_a_long_exercise_is_shown_around_the_utterance(
    source: ItemSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(
        source._windows, "read", lambda _, first, stop: asked.append((first, stop))
    )
    monkeypatch.setattr(type(source), "_span", lambda self, row: (1000, 1000 + 5 * MOST_FRAMES))
    for said in (1000, 9000, 1000 + 5 * MOST_FRAMES):
        source.window({"video_id": "x", "frame_start": said, "frame_end": said + 20})
    for (first, stop), said in zip(asked, (1000, 9000, 19_000), strict=True):
        assert stop - first == MOST_FRAMES and first >= 1000 and stop <= 1000 + 5 * MOST_FRAMES
        assert first <= said <= stop


def test_cycles_are_those_of_the_segment_in_time_order(source: ItemSource) -> None:
    found = source.cycles(source.row("0146", 0))
    assert [(one.start, one.key, one.end) for one in found] == [(0, 5, 8), (9, 14, 17)]
    assert source.cycles({"video_id": "0146", "segment_index": 7}) == ()
    assert source.cycles({"video_id": "none", "segment_index": 0}) == ()


def test_a_curve_says_what_the_release_leaves_out(source: ItemSource) -> None:
    row = source.row("0146", 0)
    window = source.window(row)
    assert window is not None
    lean = row["findings"][0] | {"measure": "trunk_forward_lean", "side": None}
    notes = [
        item_curves(row | {"findings": [lean]}, seen, (), None)[0].note
        for seen in (window, type(window)(0, window.motion, 0.0, 0, ("lumbar_twist",)))
    ]
    assert notes == ["", AT_REST_NOTE]


def test_several_threads_read_at_once(source: ItemSource) -> None:
    places, found = list(source.places()), []

    def read() -> None:
        for _ in range(8):
            for place in places:
                row = source.row(*place)
                window = source.window(row)
                found.append((row["video_id"], row["feedback_index"]) == place and window)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 4 * 8 * len(places) and all(found)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name[:5])
def test_releases_of_every_schema_version_can_be_looked_at(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (folder,) = [one for one in tmp_path.iterdir() if one.is_dir()]
    source = release_items(folder)
    assert len(source) == 6
    for place in source.places():
        row = source.row(*place)
        window = source.window(row)
        assert window is not None
        item_curves(row, window, source.cycles(row), source.rule(row["exercise"]))


def test_a_motion_without_the_columns_of_today(tmp_path: Path, source: ItemSource) -> None:
    path = tmp_path / "work" / "0146" / "kinematics.parquet"
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    old = table.select([n for n in table.column_names if "sigma" not in n and "_m" not in n[-2:]])
    found = motion_from_table(old, read_notes(table))
    assert found.root_m is None and found.focal_share is None and found.frame_sigma_rad is None
    np.testing.assert_array_equal(found.q, read_motion(path).q)


def test_a_snapshot_refuses_an_utterance_twice_and_no_rows() -> None:
    rows = [kept("0146", 0), annotation("0146", 1), kept("0146", 1)]
    with pytest.raises(DataError, match="has utterance 1 twice"):
        AnnotationSnapshot([("train", pa.Table.from_pylist(rows))])
    with pytest.raises(DataError, match="there is no annotation row"):
        AnnotationSnapshot([])


def test_a_snapshot_stays_as_it_was_and_takes_no_memory_for_rows_nobody_reads() -> None:
    rows = [annotation("0146", index) for index in range(200)]
    snapshot = AnnotationSnapshot([("train", pa.Table.from_pylist(rows))])
    before = pa.total_allocated_bytes()
    for index in (199, 0, 64, 63, 127):
        assert snapshot.row(("0146", index)) == {**rows[index], "split": "train"}
    assert pa.total_allocated_bytes() - before < 100_000
    assert ("0146", 5) in snapshot and ("0146", 200) not in snapshot
    snapshot.close()


def test_a_video_outside_of_the_data_root_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "secret.mp4"
    (root / "videos").mkdir(parents=True)
    outside.write_bytes(b"secret")
    inside = root / "videos" / "a.mp4"
    assert media_inside(inside, root) is None, "absent"
    inside.write_bytes(b"video")
    assert media_inside(inside, root) == inside.resolve()
    assert media_inside(outside, root) is None
    assert media_inside(root / "videos" / ".." / ".." / "secret.mp4", root) is None
    inside.unlink()
    inside.symlink_to(outside)
    assert media_inside(inside, root) is None, "the link was put there after the file was checked"
    shutil.rmtree(root / "videos")
    (root / "videos").symlink_to(tmp_path)
    assert media_inside(root / "videos" / "secret.mp4", root) is None
    assert media_inside(root, root) is None
