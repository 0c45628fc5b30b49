"""What a coach says about the exercises of a release, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from qevd_bio.choices import Device
from qevd_bio.errors import UsageError
from qevd_bio.evaluation.pairs import SegmentKey, Utterance
from qevd_bio.evaluation.predictions import write_predictions
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.files.digest import sha256_file
from qevd_bio.model.coach_folder import Coach, load_coach
from qevd_bio.model.coach_settings import SETTINGS_FILE
from qevd_bio.model.generate import Asked, Generated, GenerationConfig, generate_together
from qevd_bio.model.released_exercises import (
    ReleasedExercises,
    features_of_one_network,
    released_exercises,
)
from qevd_bio.model.segment import CoachingSegment
from qevd_bio.tables.features import network_identity


@dataclass(frozen=True, slots=True)
class PredictionConfig:
    """What a coach is asked.

    Attributes
    ----------
    split : str
        Of the release.
    generation : GenerationConfig
        Mode, length guard, choice of tokens.
    batch : int
        Exercises decoded together.
    motion_context, morphology : bool
        Whether the coach is told them; one trained without must not be.
    name : str
        Of the system, in tables.
    """

    split: str = "test"
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    batch: int = 8
    motion_context: bool = True
    morphology: bool = True
    name: str = "coach"

    def notes(self, coach: Coach, release: str) -> dict[str, str]:
        """Say what made the predictions."""
        told = [("motion context", self.motion_context), ("morphology", self.morphology)]
        without = [name for name, is_told in told if not is_told]
        return {
            "system": self.name,
            "mode": self.generation.mode,
            "temperature": f"{self.generation.temperature:g}",
            "seed": str(self.generation.seed),
            "coach": sha256_file(coach.folder / SETTINGS_FILE),
            "release": release,
            "split": self.split,
            **({"without": " and ".join(without)} if without else {}),
        }


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was said.

    Attributes
    ----------
    said : dict
        By exercise, silent ones included.
    notes : dict of str to str
        What made it.
    endless : int
        Exercises given up because a feedback would not end.
    """

    said: dict[SegmentKey, tuple[Utterance, ...]]
    notes: dict[str, str]
    endless: int


def open_coach(folder: Path, device: Device = "cpu", *, bf16: bool = False) -> Coach:
    """Load a coach on a device; errors of `load_coach`."""
    return load_coach(folder, dtype=torch.bfloat16 if bf16 else torch.float32, device=device)


def predict(
    coach: Coach,
    release: Path,
    features_of: Callable[[str], VideoFeatures],
    config: PredictionConfig,
    on_batch: Callable[[int, int], None] = lambda _done, _all: None,
) -> Predicted:
    """Let a coach speak about all exercises of a split that hold a true sentence.

    Parameters
    ----------
    coach : Coach
        In evaluation mode.
    release : Path
        With exercises, times, motion contexts and bodies.
    features_of : callable
        Reads the features of a video.
    config : PredictionConfig
        How.
    on_batch : callable
        Called after each batch with the exercises done and all.

    Raises
    ------
    UsageError
        The split holds no exercise, or contexts are asked for and there are none.
    DataError
        Features are missing or of another network, or a file cannot be used.
    """
    found = released_exercises(release, motion_context=config.motion_context)
    segments = list(found.segments.get(config.split, ()))
    if not segments:
        raise UsageError(
            f"holds no exercise with a sentence in the split {config.split}",
            where=str(release),
            next_step=f"Choose by --split: {', '.join(sorted(found.segments))}",
        )
    said: dict[SegmentKey, tuple[Utterance, ...]] = {}
    endless = 0
    for batch in _batches(segments, config.batch):
        for segment, one in zip(batch, _generated(coach, found, batch, features_of, config),
                                strict=True):  # fmt: skip
            key = SegmentKey(segment.video_id, segment.segment_index)
            said[key] = tuple(Utterance(each.time_s, each.text) for each in one.feedbacks)
            endless += one.ended != "video"
        on_batch(len(said), len(segments))
    return Predicted(said, config.notes(coach, found.release), endless)


def write_predicted(folder: Path, found: Predicted) -> list[Path]:
    """Write ``predictions.json`` of the challenge and ``predictions.parquet``; return both."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "predictions.json", folder / "predictions.parquet"]
    for file in files:
        write_predictions(found.said, file, found.notes)
    return files


def _generated(
    coach: Coach,
    found: ReleasedExercises,
    batch: Sequence[CoachingSegment],
    features_of: Callable[[str], VideoFeatures],
    config: PredictionConfig,
) -> list[Generated]:
    network = network_identity(features_of(batch[0].video_id).about)
    read = features_of_one_network(features_of, network)
    maps = {video: read(video) for video in {one.video_id for one in batch}}
    asked = [
        Asked(
            one if config.morphology else replace(one, morphology=""),
            maps[one.video_id],
            found.contexts_of(one),
        )
        for one in batch
    ]
    return generate_together(coach, asked, config.generation)


def _batches(segments: Sequence[CoachingSegment], size: int) -> Iterator[list[CoachingSegment]]:
    """Join exercises of about the same length, so that none waits long for another."""
    ordered = sorted(
        segments, key=lambda one: (one.end_s - one.start_s, one.video_id, one.segment_index)
    )
    for first in range(0, len(ordered), size):
        yield ordered[first : first + size]
