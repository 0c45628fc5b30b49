from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader

from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.windows import UtteranceWindows, collate_windows
from qevd_bio.release import shards
from qevd_bio.released.contents import Release
from qevd_bio.released.loading import load_split
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables import annotations, kinematics
from qevd_bio.tables import contexts as context_table
from qevd_bio.tables.parquet import rows_table, write_parquet
from tests.release.fixtures import arguments_for
from tests.release.made_artifacts import (
    START_S,
    UNOBSERVED,
    annotation,
    contexts,
    motion,
    publish,
    published,
)

FRAMES = {"0001": 300, "0002": 90, "0003": 200}
SPOKEN_S = (0.0, 1.0, 2.51, 3.0, 60.0)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Three videos in row groups of 64 frames, with utterances at `SPOKEN_S` and one without.

    Never changed.
    """
    home = tmp_path_factory.mktemp("cut")
    videos = []
    for number, (name, frames) in enumerate(FRAMES.items()):
        video = published(home / "work", name, "train", frames=frames, n_cycles=0)
        moved = motion(frames, seed=number)
        table, notes = kinematics.motion_table(name, moved)
        write_parquet(table, video.artifacts["kinematics"], notes=notes)
        known = rows_table(contexts(name, moved, 0), context_table.SCHEMA)
        write_parquet(known, video.artifacts["contexts"])
        times = [*(START_S + second for second in SPOKEN_S), None]
        rows = [
            annotation(
                name, i, timestamp_s=time, cycle=None, findings=[], status="kept",
                motion_context="", feedback="Go lower on your squats!",
            )
            for i, time in enumerate(times)
        ]  # fmt: skip
        write_parquet(rows_table(rows, annotations.SCHEMA), video.artifacts["annotations"])
        videos.append(video)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROWS_PER_GROUP", 64)
        return publish(videos, **arguments_for(home))


def expected(table: pd.DataFrame, row: dict[str, Any], offsets_s: Any) -> tuple[Any, Any, Any]:
    """The window by the words of its rules, frame by frame, from the whole table."""
    own = table[table["video_id"] == row["video_id"]].sort_values("frame")
    names = [f"{name}_rad" for name in DOF_NAMES]
    angle = np.zeros((len(offsets_s), len(names)), np.float32)
    observed, mask = np.zeros(angle.shape, bool), np.zeros(len(offsets_s), bool)
    for k, offset in enumerate(offsets_s):
        away = np.abs(own["time_s"].to_numpy() - (row["timestamp_s"] + offset))
        frame = own.iloc[int(np.argmin(away))]
        if away.min() <= 0.05 and frame["valid"]:
            mask[k] = True
            values = frame[names].to_numpy(np.float32)
            observed[k] = np.isfinite(values)
            angle[k] = np.where(observed[k], values, 0)
    return angle, observed, mask


@pytest.mark.parametrize(
    ("before_s", "after_s", "frames"),
    [(4.0, 0.0, 40), (0.5, 0.5, 31), (0.3, 0.0, 100), (3.0, -1.0, 7)],
    ids=["before", "around", "more instants than frames", "ends before"],
)
def test_windows_follow_their_rules(
    cut: Release, before_s: float, after_s: float, frames: int
) -> None:
    windows = UtteranceWindows(
        cut.folder, "train", before_s=before_s, after_s=after_s, frames=frames
    )
    assert len(windows) == len(FRAMES) * len(SPOKEN_S), "one utterance a video has no time"
    offsets_s = np.linspace(-before_s, after_s, frames)
    table = load_split("train", cut.folder, "kinematics")
    for window in windows:
        angle, observed, mask = expected(table, window["annotation"], offsets_s)
        assert np.array_equal(window["mask"].numpy(), mask)
        assert np.array_equal(window["observed"].numpy(), observed)
        assert np.array_equal(window["angle_rad"].numpy(), angle)
        assert window["angle_rad"].dtype == torch.float32
        assert np.array_equal(window["offset_s"].numpy(), offsets_s.astype(np.float32))


def test_edges_of_a_video_and_what_is_not_observed(cut: Release) -> None:
    windows = UtteranceWindows(cut.folder, "train", before_s=1.0, after_s=0.0, frames=31)
    at_start, whole, *_, after_the_end = (windows[i] for i in range(len(SPOKEN_S)))
    assert at_start["mask"].tolist() == [False] * 29 + [True] * 2, "0.05 s before the first frame"
    assert whole["mask"].tolist() == [True, False] + [True] * 29, "nobody is seen in frame 1"
    assert not after_the_end["mask"].any() and not after_the_end["angle_rad"].any()
    unobserved = [name in UNOBSERVED for name in DOF_NAMES]
    assert np.array_equal(~whole["observed"][0].numpy(), unobserved)
    assert windows[-1]["annotation"]["video_id"] == "0003"
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_only_row_groups_of_the_window_are_read(
    cut: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next((cut.folder / "kinematics").glob("train-*"))
    footer = pq.read_metadata(file)
    rows = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    assert rows == [64, 64, 64, 64, 44, 64, 26, 64, 64, 64, 8]
    read: list[int] = []
    whole = pq.ParquetFile.read_row_group

    def spy(self: pq.ParquetFile, i: int, **options: Any) -> Any:
        read.extend([i] if "time_s" in (options["columns"] or ()) else [])
        return whole(self, i, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    windows = UtteranceWindows(cut.folder, "train", before_s=1.0, frames=30)
    assert read == []
    third = windows[2]  # 1.51 s to 2.51 s are frames 45 to 75 of video 0001
    assert third["mask"].all() and read == [0, 1]
    windows[2], windows[3]  # frames 60 to 90
    assert read == [0, 1], "the last two groups are kept"


def test_batches_of_workers_equal_those_of_one_process(cut: Release) -> None:
    windows = UtteranceWindows(cut.folder, "train", frames=16, statuses=("kept",))
    windows[0]
    one, two = (
        list(DataLoader(windows, batch_size=4, num_workers=n, collate_fn=collate_windows))
        for n in (0, 2)
    )
    assert [len(batch["annotation"]) for batch in one] == [4, 4, 4, 3]
    for batch, same in zip(one, two, strict=True):
        assert batch["angle_rad"].shape == (len(batch["annotation"]), 16, 46)
        assert batch["annotation"] == same["annotation"]
        for name in ("angle_rad", "observed", "mask", "offset_s"):
            assert torch.equal(batch[name], same[name])
    again = copy.deepcopy(windows)
    assert torch.equal(again[3]["angle_rad"], windows[3]["angle_rad"])


def test_statuses_choose_utterances(release: Release) -> None:
    chosen = UtteranceWindows(release.folder, "train", statuses=("rewritten",))
    assert [one["annotation"]["status"] for one in chosen] == ["rewritten"] * 2
    assert len(UtteranceWindows(release.folder, "train", statuses=())) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"frames": 1}, {"before_s": 0.0}, {"before_s": 1.0, "after_s": -1.0}, {"after_s": np.inf}],
    ids=str,
)
def test_window_without_length_is_refused(release: Release, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="has no length"):
        UtteranceWindows(release.folder, "train", **wrong)


def test_damaged_shard_is_named(cut: Release, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(cut.folder, tmp_path / "cut"))
    windows = UtteranceWindows(folder, "train")
    file = next((folder / "kinematics").glob("train-*"))
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train-00000-of-00001.parquet: cannot be read"):
        windows[0]
    with pytest.raises(DataError, match=r"train-00000-of-00001.parquet: cannot be read"):
        UtteranceWindows(folder, "train")
