"""Progress: which video, which frame, elapsed and left; in this process and from a worker."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qevd_bio.cli.progress import RunDisplay
from qevd_bio.engine.events import Event, Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.frame_progress import frame_listener, reported
from tests.engine.supervised import Site


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the display and the loops see."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_the_video_its_frames_and_the_time_are_shown(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with RunDisplay(12) as display:
        display.on_event(Event("started", "kinematics", "0007", "is new", worker=1))
        assert "0007 kinematics 0:00 elapsed" in terminal.getvalue(), "from the first second"
        now[0] += 3
        progress = Event("progress", "kinematics", "0007", worker=1, frames_total=900)
        display.on_event(progress)
        assert "0007 kinematics 0/900 frames 0:03 elapsed" in terminal.getvalue()
        now[0] += 9
        display.on_event(replace(progress, frames=120))
        assert "0007 kinematics 120/900 frames 0:12 elapsed, ~0:58 left" in terminal.getvalue()
        assert "0/12 units" in terminal.getvalue()
        display.on_event(Event("completed", "kinematics", "0007", seconds=90, worker=1))
        display.on_event(Event("started", "quality", "0007", worker=1))
        now[0] += 3700
        display.on_event(Event("started", "kinematics", "0008", worker=2))
        assert "0007 quality 1:01:40 elapsed" in terminal.getvalue()
        assert "1/12 units" in terminal.getvalue()


def test_nothing_but_failures_is_printed_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with RunDisplay(12) as display:
        display.on_event(Event("started", "kinematics", "0007"))
        display.on_event(Event("progress", "kinematics", "0007", frames=1, frames_total=9))
        display.on_event(Event("failed", "kinematics", "0007", "the video is absent"))
    assert log.getvalue() == "failed: 0007 kinematics: the video is absent\n"


def test_a_loop_over_frames_reports_from_the_first_to_the_last(now: list[float]) -> None:
    calls: list[tuple[int, int]] = []

    def frames():
        for number in range(100):
            now[0] += 0.1
            yield number

    with frame_listener(lambda done, total: calls.append((done, total))):
        read = list(reported(frames(), 100))
    assert read == list(range(100))
    assert calls[0] == (0, 100) and calls[-1] == (100, 100)
    assert 10 < len(calls) < 50, "not each frame"
    assert list(reported([1, 2], 2)) == [1, 2], "nobody listens"
    assert calls[-1] == (100, 100)


def frames_shown(events: list[Event]) -> list[tuple[str, str, int, int]]:
    return [
        (e.video_id, e.stage, e.frames, e.frames_total) for e in events if e.kind == "progress"
    ]


def test_frames_reach_the_display_from_a_worker_and_not_the_log(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", videos=1, frames=30)
    assert site.run(workers=1) == {"completed": 4}
    found = frames_shown(site.events)
    assert found[0] == ("0000", "a", 0, 30) and found[-1] == ("0000", "d", 30, 30)
    assert any(0 < frames < 30 for *_, frames, _ in found)
    kinds = {line["kind"] for line in site.log_lines()}
    assert "progress" not in kinds and "completed" in kinds


def test_frames_reach_the_display_in_this_process(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", videos=1, frames=3)
    events: list[Event] = []
    run_local(site.stages(), site.videos, site.store, Tally(events.append))
    assert frames_shown(events)[:2] == [("0000", "a", 0, 3), ("0000", "a", 3, 3)]


def test_progress_does_not_prolong_the_time_of_a_unit(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", videos=1, frames=400)
    assert site.run(workers=1, unit_s=1.0) == {"failed": 1, "skipped": 3}
    assert "no result within 1 s" in site.summary.failures[0].reason
