"""A small ablation on made-up sessions for tests, also as a process that can be killed.

python -m tests.ablation.made_ablation FOLDER RELEASE
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from qevd_bio.ablation import run_stage
from qevd_bio.ablation.config import AblationConfig, Source
from qevd_bio.ablation.table import ablation_table, run_ablation
from qevd_bio.engine.events import RunSummary
from qevd_bio.evaluation.score_report import ScoreReport
from qevd_bio.evaluation.scoring import ScoreConfig
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.model.tiny import tiny_coach
from qevd_bio.training.train_fusion import FusionTraining
from qevd_bio.training.train_lm_adapter import AdapterTraining

CHANNELS, START_S = 40, 1690028800.0
ROWS = ("full", "no motion context", "no morphology", "paper policy")
SHORT: dict[str, Any] = {
    "epochs": 2, "batch_size": 2, "micro_batch": 1, "learning_rate": 1e-2, "slot_tokens": 24,
    "checkpoint_every": 1, "tensorboard": False, "held_out_segments": 0,
}  # fmt: skip


def features_of(video: str) -> VideoFeatures:
    """Make frames of one colour for a video."""
    times_s = START_S + 0.25 * np.arange(1, 66)
    colours = np.random.default_rng(int(video)).uniform(0, 6, (65, CHANNELS, 1, 1))
    maps = np.broadcast_to(colours, (65, CHANNELS, 7, 5)).astype(np.float16)
    return VideoFeatures(maps, times_s, {"network": "made", "weights_sha256": "0"})


def made_features(_work: object) -> Any:
    """Stand for `features_of_work`: the features of any video, without a file."""
    return SimpleNamespace(files={}, read=features_of, has=lambda video: True)


def config_for(home: Path, release: Path, **changes: Any) -> AblationConfig:
    """Choose rows and trainings that last seconds; the untrained coach is made at first."""
    coach = home / "coach"
    if not coach.is_dir():
        tiny_coach(coach, width=32, feature_width=CHANNELS)
    usual: dict[str, Any] = {
        "coach": coach,
        "source": Source(release, home / "work"),
        "rows": ROWS,
        "most_tokens": 8,
        "adapter": AdapterTraining(**SHORT),
        "fusion": FusionTraining(**SHORT),
    }
    return AblationConfig(**{**usual, **changes})


def carried_out(
    config: AblationConfig, folder: Path, say: Callable[[str], None] = lambda _line: None
) -> tuple[RunSummary, ScoreReport]:
    """Run an ablation and score it."""
    summary = run_ablation(
        config, folder, argv=["test"], on_event=lambda e: say(f"{e.video_id} {e.kind}"), report=say
    )
    return summary, ablation_table(config, folder, ScoreConfig(no_meteor=True, draws=50))


def main() -> None:
    """Run it in a process of its own, slowly enough to be killed between two updates."""
    torch.set_num_threads(1)
    usual = run_stage.run_recipe

    def slow(recipe: Any, folder: Path) -> Any:
        def show(_line: object, _updates: int) -> None:
            print("update", flush=True)
            time.sleep(0.05)

        return usual(recipe, folder, show)

    run_stage.run_recipe = slow
    run_stage.features_of_work = made_features
    home, release = Path(sys.argv[1]), Path(sys.argv[2])
    carried_out(config_for(home, release), home / "killed", lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
