"""Recipe: the fusion of vision and morphology, stage 2 of the paper (supplement 6.4 and 7.1).

Everything of the coach is frozen but the four projections of the fusion: 13,762,560 parameters
in a coach of LLaMA-2-7B. A coach without a fusion gets one, Xavier-uniform with gain 0.1. The
gradient passes through the frozen cross-attention layers and the decoder layers above the first
of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.fusion import FusionConfig, MorphologyFusion
from qevd_bio.model.trainable import make_trainable
from qevd_bio.training.coach_samples import CoachData, CoachSamples
from qevd_bio.training.coach_task import (
    COACH_FOLDER,
    CoachConfig,
    coach_task,
    held_out_loss,
    made_from,
    save_trained,
    training_samples,
)
from qevd_bio.training.order import seed_of
from qevd_bio.training.recipe import Recipe

NOTE = "fusion trained by qevd-bio train fusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionTraining(CoachConfig):
    """Configuration of ``train fusion``.

    Attributes
    ----------
    heads : int
        Of a new fusion.
    gain : float
        Of the Xavier-uniform weights of a new fusion.
    """

    heads: int = 8
    gain: float = 0.1


def fusion_recipe(config: FusionTraining, coach: Coach, data: CoachData) -> Recipe:
    """Prepare the training of a fusion; `DataError` where coach and features do not fit."""
    coach.settings.check_network(data.network)
    start = made_from(coach, data)
    if coach.model.fusion is None:
        torch.manual_seed(seed_of(config.seed))
        coach.model.fusion = MorphologyFusion(
            FusionConfig(
                feature_width=coach.settings.feature_width,
                morphology_width=coach.model.language.config.hidden_size,
                heads=config.heads,
                gain=config.gain,
            )
        )
    make_trainable(coach.model, "fusion")
    samples = training_samples(data, coach, config)
    held_out = CoachSamples(data.held_out, data, coach.tokenizer, config.layout())

    task = coach_task(coach, samples, config)

    def finish(folder: Path) -> dict[str, JsonValue]:
        loss = held_out_loss(coach.model, held_out, config)
        save_trained(folder, coach, config, data, NOTE)
        return {"trained_on": len(samples), "held_out": len(held_out), "held_out_loss": loss}

    return Recipe("fusion", config, task, start, finish, COACH_FOLDER)
