"""Consistent forgeries are found; those that cannot be are listed in docs/verify.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qevd_bio.verify import derived, videos
from qevd_bio.verify.release import verify_release
from tests.verify.forged_descriptions import DESCRIPTIONS, seal
from tests.verify.forger import Forger
from tests.verify.forgeries import FORGERIES, Forgery
from tests.verify.made_release import made_release
from tests.verify.odd_motions import MOTIONS

QUICK = {
    "an advertisement",
    "no_cycle where a cycle stands",
    "the end a frame earlier",
    "the target and its sentence",
    "asymmetry",
    "segment numbers",
    "a missing video invented",
}
"""One of each class; the others are slow together."""


@pytest.fixture(scope="module")
def honest(home: Path) -> Path:
    return home / "release" / "1.0.0"


@pytest.fixture(scope="module")
def one_camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with a measured place, noise of every frame and angles that are not observed."""
    home = tmp_path_factory.mktemp("one_camera")
    folder = made_release(home, change=MOTIONS["one camera"])
    assert verify_release(folder).sound
    return folder


def forged(honest: Path, home: Path, one: Forgery) -> Path:
    folder = Path(shutil.copytree(honest, home / honest.name))
    forger = Forger(folder)
    one.change(forger)
    forger.seal()
    return folder


def test_a_sealed_release_without_a_change_is_sound(honest: Path, tmp_path: Path) -> None:
    """What the forger redoes is no issue by itself."""
    folder = forged(honest, tmp_path, Forgery("none", "nothing", lambda forger: None))
    assert verify_release(folder).issues == []


@pytest.mark.parametrize("one", [o for o in FORGERIES if o.name in QUICK], ids=lambda o: o.name)
def test_a_forgery_is_found(honest: Path, tmp_path: Path, one: Forgery) -> None:
    assert not verify_release(forged(honest, tmp_path, one)).sound


@pytest.mark.slow
@pytest.mark.parametrize(
    "one", [o for o in FORGERIES if o.name not in QUICK and not o.missed], ids=lambda o: o.name
)
def test_every_other_forgery_is_found(honest: Path, tmp_path: Path, one: Forgery) -> None:
    assert not verify_release(forged(honest, tmp_path, one)).sound


OF_ONE_CAMERA = {
    "noise of frames or video zero",
    "an angle that nobody observed",
    "the root 100 m away",
    "the root 40 m to the side",
    "lengths of the body",
    "speed of the centre of mass",
}
"""Of what the honest release lacks: noise, angles that are not observed, a measured place."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "one",
    [
        pytest.param(o, id=o.name, marks=[] if o.name in OF_ONE_CAMERA else [pytest.mark.long])
        for o in FORGERIES
        if o.kind == "derived"
    ],
)
def test_forged_captures_of_one_camera_are_found(
    one_camera: Path, tmp_path: Path, one: Forgery
) -> None:
    assert not verify_release(forged(one_camera, tmp_path, one)).sound


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_forged_descriptions_are_found(honest: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(honest, tmp_path / honest.name))
    DESCRIPTIONS[name](folder)
    seal(folder)
    verdict = verify_release(folder)
    assert verdict.counts and set(verdict.counts) <= {"described", "manifest"}


def test_a_verdict_names_video_table_row_and_next_step(honest: Path, tmp_path: Path) -> None:
    one = next(o for o in FORGERIES if o.name == "an advertisement")
    (issue,) = [i for i in verify_release(forged(honest, tmp_path, one)).issues
                if "feedback is" in i.cause]  # fmt: skip
    assert issue.where == "annotations/test-00000-of-00001.parquet row 1 (video 0003)"
    assert "Visit our shop" in issue.cause and "publish the release again" in issue.next_step


def test_a_long_release_is_sound_and_its_forgeries_are_found(
    honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long release the contexts of a sample of videos are derived, here of one."""
    monkeypatch.setattr(derived, "MOST_CONTEXT_FRAMES", 1)
    verdict = verify_release(honest)
    assert verdict.issues == []
    (unchecked,) = verdict.unchecked
    assert "the contexts of 2 of 3 videos" in unchecked
    monkeypatch.setattr(derived, "_sample", lambda layout, frames: frozenset())
    monkeypatch.setattr(derived, "artifact_issues", lambda *inputs: iter(()))
    for name in ("an advertisement", "a cited key frame between two frames"):
        one = next(o for o in FORGERIES if o.name == name)
        assert not verify_release(forged(honest, tmp_path / name, one)).sound


@pytest.mark.slow
def test_two_processes_find_what_one_does(
    honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(o for o in FORGERIES if o.name == "the end a frame earlier")
    folder = forged(honest, tmp_path, one)
    by_one = verify_release(folder).as_json()
    monkeypatch.setattr(videos, "FRAMES_FOR_TWO", 0)
    monkeypatch.setattr(videos, "_cpus", lambda: 2)
    assert verify_release(folder).as_json() == by_one
    assert verify_release(honest).issues == []


def test_fast_reads_no_row(honest: Path, tmp_path: Path) -> None:
    one = next(o for o in FORGERIES if o.name == "an advertisement")
    folder = forged(honest, tmp_path, one)
    verdict = verify_release(folder, fast=True)
    assert verdict.sound and any("--fast" in what for what in verdict.unchecked)
    (folder / "README.md").write_text("changed", encoding="utf-8")
    assert set(verify_release(folder, fast=True).counts) == {"sum"}
