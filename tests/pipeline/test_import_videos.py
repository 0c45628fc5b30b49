"""Clips and their exercises, from the command's options to a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.pipeline.import_videos import import_videos
from tests.capture.video_files import grey_ramp, write_video


def test_a_name_without_a_rule_is_told(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", grey_ramp(20), rate=10)
    (tmp_path / "clips.csv").write_text(
        "clip,exercise,start,end\na.mp4,Push-ups!,0,0.4\na.mp4,starjumps,0.4,0.8\na.mp4,zorbing,0.9,\n",
        encoding="utf-8",
    )
    result = import_videos((), None, tmp_path / "clips.csv", tmp_path / "Q", "train", None)
    assert result.without_rule == ("zorbing",)
    assert [one.exercises for one in result.clips] == [("Push-ups!", "starjumps", "zorbing")]
    assert result.taken_for == ("'starjumps' was taken for Jumping jack",)


@pytest.mark.parametrize(
    ("videos", "exercise", "table"),
    [((), None, None), ((), "squats", None), (("a.mp4",), None, None), (("a.mp4",), "squats", "t"),
     ((), "squats", "t")],
)  # fmt: skip
def test_clips_come_from_files_or_from_a_table(
    videos: tuple[str, ...], exercise: str | None, table: str | None, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        import_videos(
            [Path(one) for one in videos], exercise, None if table is None else Path(table),
            tmp_path / "Q", "train", None,
        )  # fmt: skip
    assert not (tmp_path / "Q").exists()
