"""Recipe: cross-attention layers and LoRA, the second and third stage of Stream-VLM in one.

A plain language model knows neither frames nor the tokens by which a coach acts. This recipe makes
it the base that the paper's two stages start from, for those without Stream-VLM's checkpoint. It
trains the cross-attention layers, low-rank additions to q, k and v (rank 32, alpha 16), and the
rows of the three action tokens in embedding and head; the additions are merged when it is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.low_rank import LowRankLinear
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

NOTE = "cross-attention and LoRA trained by qevd-bio train lm-adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterTraining(CoachConfig):
    """Configuration of ``train lm-adapter``.

    Attributes
    ----------
    lora_dropout : float
        Of the low-rank additions; 0.05 in Stream-VLM. What is dropped depends on the number of
        processes and on micro_batch.
    first_layer : int
        Low-rank additions begin at this decoder layer. From 1 on, embeddings of the action tokens
        stay as they were made, and states below the first trained layer are computed once.
    """

    lora_dropout: float = 0.05
    first_layer: int = 0

    def range_issue(self) -> str | None:
        """Check the dropout, too."""
        if not 0.0 <= self.lora_dropout < 1.0:
            return f"lora_dropout must be 0 or more and less than 1, not {self.lora_dropout}"
        if self.first_layer < 0:
            return f"first_layer must be 0 or more, not {self.first_layer}"
        return CoachConfig.range_issue(self)


def adapter_recipe(config: AdapterTraining, coach: Coach, data: CoachData) -> Recipe:
    """Prepare the training of the adapters; `DataError` where coach and features do not fit."""
    coach.settings.check_network(data.network)
    start = made_from(coach, data)
    torch.manual_seed(seed_of(config.seed))
    make_trainable(coach.model, "lm-adapter", first_layer=config.first_layer)
    for module in coach.model.modules():
        if isinstance(module, LowRankLinear):
            module.dropout = config.lora_dropout
    samples = training_samples(data, coach, config)
    held_out = CoachSamples(data.held_out, data, coach.tokenizer, config.layout())

    task = coach_task(coach, samples, config)

    def finish(folder: Path) -> dict[str, JsonValue]:
        loss = held_out_loss(coach.model, held_out, config)
        save_trained(folder, coach, config, data, NOTE)
        return {"trained_on": len(samples), "held_out": len(held_out), "held_out_loss": loss}

    return Recipe("lm-adapter", config, task, start, finish, COACH_FOLDER)
