"""HSMR with several short clips in hand: a small network of random weights, on a CPU."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from benchmarks.hsmr_clips import clip_stages, write_clips, write_weights
from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.engine.events import Event, Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.execute.stage_factory import StageFactory, stage_factory_of
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.limits import Limits, most_in_hand
from qevd_bio.engine.plan import current_artifacts, plan
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.weights.hsmr_shapes import AttentionHeads, HsmrSize

SIZES = HsmrSize(
    width=32, depth=2, hidden=64, token_width=32, layers=1, inner=16, head_hidden=32
)  # fmt: skip
VIDEOS = [f"{number + 1000:04}" for number in range(6)]
BROKEN = VIDEOS[3]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("clips")
    write_clips(home / "QEVD", len(VIDEOS), frames=9, rate_hz=10, height=90, width=120)
    (broken,) = home.rglob(f"{BROKEN}.mp4")
    broken.write_bytes(b"no video at all")
    write_weights(home / "weights", random_network(SIZES, AttentionHeads(4, 2)))
    return home


@pytest.fixture(scope="module")
def factory(clips: Path) -> StageFactory:
    options = HsmrOptions(weights=str(clips / "weights"), device="cpu", precision="fp32")
    config = PipelineConfig(clips / "QEVD", backend="hsmr", hsmr=options).as_json()
    use_file = str(clips / "use.jsonl")
    return stage_factory_of(
        clip_stages, config=config, use_file=use_file, stand_in=True, threads=1
    )


@pytest.fixture(scope="module")
def stages(factory: StageFactory) -> tuple[Stage, ...]:
    return tuple(factory.stages())


@pytest.fixture(scope="module")
def one_by_one(stages: tuple[Stage, ...], clips: Path) -> dict[tuple[str, str], bytes]:
    store = Store(clips / "one")
    run_local(stages, VIDEOS, store, Tally(lambda event: None))
    return artifacts(stages, store)


def artifacts(stages: tuple[Stage, ...], store: Store) -> dict[tuple[str, str], bytes]:
    found = current_artifacts(plan(stages, VIDEOS, store), store)
    return {
        (video, stage): path.read_bytes()
        for video, paths in found.items()
        for stage, path in paths.items()
    }


def test_only_the_capture_takes_several_videos(stages: tuple[Stage, ...]) -> None:
    assert most_in_hand(stages) == stages[0].units_in_hand == 8
    assert {stage.units_in_hand for stage in stages[1:]} == {1}


def test_several_clips_in_hand_a_broken_one_and_kill_9_change_no_byte(
    factory: StageFactory,
    stages: tuple[Stage, ...],
    one_by_one: dict[tuple[str, str], bytes],
    tmp_path: Path,
) -> None:
    """The worker is killed as soon as one capture is complete and others are in progress."""
    store, events, messages = Store(tmp_path / "work"), list[Event](), list[str]()

    def kill_once(event: Event) -> None:
        is_first = not any(one.kind == "completed" for one in events)
        events.append(event)
        if event.kind == "completed" and is_first:
            log = (run.log.folder / "log.jsonl").read_text()
            os.kill(int(re.findall(r"pid (\d+)", log)[0]), signal.SIGKILL)

    with recorded_run(
        store.root, argv=[], config={}, execution={}, on_event=kill_once, report=messages.append
    ) as run:
        summary = run_supervised(
            factory, stages, VIDEOS, store, run, workers=1, limits=Limits(in_hand=3)
        )
    ((failed,), (message,)) = summary.failures, messages
    assert (failed.stage, failed.video_id) == ("kinematics", BROKEN)
    assert "not a readable video" in failed.reason
    assert "killed by SIGKILL" in message and "run again, each alone" in message
    counts = dict(summary.counts)
    # A unit that the killed worker had committed and not reported yet counts as done.
    assert counts.pop("completed") + counts.pop("done") == len(one_by_one)
    assert counts == {"failed": 1, "skipped": len(stages) - 1}
    made = artifacts(stages, store)
    assert len(made) == (len(VIDEOS) - 1) * len(stages)
    assert made == one_by_one
