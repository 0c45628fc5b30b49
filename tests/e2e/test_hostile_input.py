"""One ill record, file or value costs itself: the sound video beside it is published."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.pipeline.pipeline import Pipeline, open_pipeline
from qevd_bio.qevd.load import load_records
from qevd_bio.release.assembly import release_from
from qevd_bio.released.contents import Release
from qevd_bio.released.loading import load_split
from qevd_bio.verify.release import verify_release

SPLIT = "QEVD-FIT-COACH"

pytestmark = [pytest.mark.data, pytest.mark.slow]

CASES: dict[str, tuple[str, str, str]] = {
    "json-time-10400": ("v0000", "v0001", r"number 1000.* of 401 characters is out of range"),
    "json-path-surrogate": ("v0001", "v0000", "no valid Unicode"),
    "json-ts-path-surrogate": ("v0001", "v0000", "no valid Unicode"),
    "json-text-nul": ("v0001", "v0000", "holds a control character"),
    "rec-1e300": ("v0001", "v0000", r"turns joints by up to 1e\+300 radians"),
    "rec-1e6": ("v0001", "v0000", r"turns joints by up to 3.15e\+06 radians"),
    "rec-zero-width": ("v0001", "v0000", r"shape \(20000000, 0\)"),
}
"""By case: the ill video, the sound one, and the cause that is named."""


@pytest.fixture
def case(shared_data: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copied(name: str) -> Path:
        source = shared_data.parent / "cases" / "input" / name
        if not source.is_dir():
            pytest.skip(f"the case {name} is not beside the checkout")
        shutil.copytree(source, tmp_path / name)
        for path in (tmp_path / name).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return tmp_path / name

    return copied


def run(home: Path, work: Path) -> tuple[Pipeline, list[str]]:
    config = PipelineConfig(home / "QEVD", backend="recorded", recorded_root=home / "rec")
    pipeline = open_pipeline(config, work)
    summary = pipeline.run(argv=["test"], on_event=lambda event: None)
    failures = [f"{one.video_id}: {one.reason}" for one in summary.failures]
    return pipeline, [*pipeline.rejected(), *failures]


def published(pipeline: Pipeline, out: Path) -> Release:
    return release_from(pipeline, out=out, version="0.1.0")


def check_sound(pipeline: Pipeline, sound: list[str], out: Path) -> None:
    release = published(pipeline, out)
    assert sorted(load_split("train", release.folder)["video_id"].unique()) == sound
    drop_in = release.folder / "drop_in" / SPLIT / "feedbacks_long_range.json"
    assert len(json.loads(drop_in.read_text())) == 2


@pytest.mark.parametrize("name", CASES)
def test_an_ill_record_or_file_costs_its_video_only(
    name: str, case: Callable[[str], Path], tmp_path: Path
) -> None:
    ill, sound, cause = CASES[name]
    pipeline, problems = run(case(name), tmp_path / "work")
    assert len(problems) == 1
    assert len(problems[0].splitlines()) == 1 and len(problems[0]) < 600
    assert re.search(cause, problems[0]), problems
    assert ill in problems[0] or "record" in problems[0]
    assert problems[0].isprintable()
    check_sound(pipeline, [sound], tmp_path / "release")


def test_a_byte_order_mark_is_read(case: Callable[[str], Path], tmp_path: Path) -> None:
    pipeline, problems = run(case("json-bom"), tmp_path / "work")
    assert problems == []
    check_sound(pipeline, ["v0000", "v0001"], tmp_path / "release")


def records_file(home: Path) -> Path:
    return home / "QEVD" / SPLIT / "feedbacks_long_range.json"


NONSENSE: dict[str, tuple[str, str]] = {
    "nan": ('"feedback_timestamps": [NaN, ', "NaN is no JSON number"),
    "1e999": ('"feedback_timestamps": [1e999, ', "1e999 is out of range"),
    "5000 digits": (f'"feedback_timestamps": [{"9" * 5000}, ', "of 5000 characters is out of"),
    "key twice": ('"x": 1, "x": 2, "feedback_timestamps": [', "key 'x' is given twice"),
    "thousands deep": (
        f'"x": {"[" * 3000}{"]" * 3000}, "feedback_timestamps": [',
        "nested too deeply",
    ),
    "hundreds deep": (
        f'"x": {"[" * 300}{"]" * 300}, "feedback_timestamps": [',
        "nested too deeply",
    ),
    "milliseconds": ('"feedback_timestamps": [1691065600311.2, ', "is no time in seconds"),
    "true": ('"feedback_timestamps": [true, ', "feedback_timestamps"),
    "text": ('"feedback_timestamps": ["1691065600.3", ', "feedback_timestamps"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_other_nonsense_costs_its_record(
    name: str, case: Callable[[str], Path], tmp_path: Path
) -> None:
    home, (written, cause) = case("json-bom"), NONSENSE[name]
    path = records_file(home)
    text = path.read_text(encoding="utf-8-sig")
    spoilt = text.replace('"feedback_timestamps": [', written, 1)
    assert spoilt != text
    path.write_text(spoilt)
    loaded = load_records(home / "QEVD")
    assert [record.video_id for record in loaded.records] == ["v0001"]
    assert cause in loaded.rejected[0].reason
    if name in ("thousands deep", "hundreds deep", "5000 digits", "nan"):
        pipeline, problems = run(home, tmp_path / "work")
        assert len(problems) == 1
        check_sound(pipeline, ["v0001"], tmp_path / "release")


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def link(path: Path) -> None:
    real = path.with_name(f"real-{path.name}")
    path.rename(real)
    path.symlink_to(real)


def link_outside(path: Path) -> None:
    real = path.parents[3] / f"real-{path.name}"
    path.rename(real)
    path.symlink_to(real)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replace", [pipe, link, link_outside, Path.mkdir])
@pytest.mark.parametrize("which", ["timestamps", "recorded"])
def test_a_pipe_or_link_costs_its_video(
    which: str, replace: Callable[[Path], None], case: Callable[[str], Path], tmp_path: Path
) -> None:
    home = case("json-bom")
    times = home / "QEVD" / SPLIT / "long_range_videos" / "v0000_timestamps.npy"
    path = times if which == "timestamps" else home / "rec" / "v0000.npy"
    if replace is Path.mkdir:
        path.unlink()
    replace(path)
    pipeline, problems = run(home, tmp_path / "work")
    assert len(problems) == 1, problems
    check_sound(pipeline, ["v0001"], tmp_path / "release")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("replace", [pipe, link])
def test_a_records_file_that_is_none_is_named(
    replace: Callable[[Path], None], case: Callable[[str], Path]
) -> None:
    home = case("json-bom")
    replace(records_file(home))
    with pytest.raises(Exception, match=r"feedbacks_long_range|has no") as caught:
        load_records(home / "QEVD")
    assert type(caught.value).__name__ == "DataError"


def test_frame_times_exchanged_after_the_start_are_those_of_the_identity(
    case: Callable[[str], Path], tmp_path: Path
) -> None:
    """The unit uses the times that were read, under their digest; the next run takes the new."""
    home = case("json-bom")
    times = home / "QEVD" / SPLIT / "long_range_videos" / "v0000_timestamps.npy"
    config = PipelineConfig(home / "QEVD", backend="recorded", recorded_root=home / "rec")
    pipeline = open_pipeline(config, tmp_path / "work")
    old = np.load(times)
    np.save(times, old + 10**9)
    pipeline.run(argv=["test"], on_event=lambda event: None)
    units = {unit.stage: unit for unit in pipeline.plan(("v0000",))}
    written = io.BytesIO()
    np.save(written, old)
    named = units["kinematics"].depends["file:v0000_timestamps.npy"]
    assert named == hashlib.sha256(written.getvalue()).hexdigest()
    fresh = open_pipeline(config, tmp_path / "work")
    actions = {unit.stage: unit.action for unit in fresh.plan(("v0000",))}
    assert actions["kinematics"] == "run"


def test_the_release_of_a_case_verifies(case: Callable[[str], Path], tmp_path: Path) -> None:
    pipeline, _ = run(case("json-text-nul"), tmp_path / "work")
    release = published(pipeline, tmp_path / "release")
    verdict = verify_release(release.folder)
    assert verdict.issues == []
