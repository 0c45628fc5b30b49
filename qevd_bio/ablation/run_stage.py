"""One run of an ablation as a unit of the engine: train, predict, keep what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from qevd_bio.ablation.config import AblationConfig, Source
from qevd_bio.ablation.switches import SWITCHES, Switch
from qevd_bio.engine.stage import Skip, Stage
from qevd_bio.evaluation.predicting import PredictionConfig, open_coach, predict
from qevd_bio.evaluation.predictions import SCHEMA, write_predictions
from qevd_bio.files.digest import sha256_file, sha256_file_once, sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.model.coach_settings import SETTINGS_FILE
from qevd_bio.model.generate import GenerationConfig
from qevd_bio.model.visual_features import FeatureSource, features_of_work
from qevd_bio.pipeline.dataclass_json import to_plain
from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.tables.parquet import schema_sha256
from qevd_bio.training.coach_samples import CoachData, released_coach_data
from qevd_bio.training.coach_task import COACH_FOLDER, CoachConfig, loaded_coach
from qevd_bio.training.configuration import FREE_ON_RESUME
from qevd_bio.training.recipe import run_recipe
from qevd_bio.training.train_fusion import FusionTraining, fusion_recipe
from qevd_bio.training.train_lm_adapter import AdapterTraining, adapter_recipe

STAGE = "ablation"

C = TypeVar("C", AdapterTraining, FusionTraining)


@dataclass(frozen=True, slots=True)
class Run:
    """One row with one seed."""

    row: str
    seed: int

    @property
    def name(self) -> str:
        """Name the unit."""
        return f"{self.row.replace(' ', '-')}-{self.seed}"


def runs_of(config: AblationConfig) -> dict[str, Run]:
    """List the runs by name, row by row."""
    runs = [Run(row, seed) for row in config.rows for seed in config.seeds]
    return {run.name: run for run in runs}


@dataclass(frozen=True)
class AblationStage(Stage):
    """Train and ask the coach of each run.

    Attributes
    ----------
    config : AblationConfig
        Of the ablation.
    folder : Path
        Trainings are kept below it, each by a digest of what decides it, so that a training that
        was killed goes on and two rows share the adapter that is the same in both.
    """

    config: AblationConfig
    folder: Path
    name: str = STAGE
    version: int = 1
    writes: str = "predictions"
    schema_digest: str = schema_sha256(SCHEMA)
    _features: dict[Path, FeatureSource] = field(default_factory=dict, compare=False)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the switch, the configuration of the recipes and the digests of all data."""
        run = runs_of(self.config)[video_id]
        source = self.config.source_of(run.row)
        found = {
            "switch": sha256_json(to_plain(SWITCHES[run.row])),
            "seed": str(run.seed),
            "coach": sha256_file(self.config.coach / SETTINGS_FILE),
            "predict": sha256_json([self.config.split, self.config.most_tokens, self.config.bf16]),
            "adapter": _digest_of(self.config.adapter),
        }
        if self.config.fusion is not None and SWITCHES[run.row].morphology:
            found["fusion"] = _digest_of(self.config.fusion)
        if source is not None:
            found["release"] = sha256_file(source.release / MANIFEST_FILE)
            files = self._features_of(source).files
            found |= {f"features:{video}": sha256_file_once(one) for video, one in files.items()}
        return found

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Train the coach of a run, let it speak, and write what it said."""
        run = runs_of(self.config)[video_id]
        switch, source = SWITCHES[run.row], self.config.source_of(run.row)
        if source is None:
            raise Skip(f"needs a release of its own: {switch.made_by}")
        coach = self._trained(run, switch, source)
        asked = PredictionConfig(
            split=self.config.split,
            generation=GenerationConfig(most_tokens=self.config.most_tokens, seed=run.seed),
            batch=self.config.batch,
            motion_context=switch.motion_context,
            morphology=switch.morphology,
            name=run.row,
        )
        found = predict(
            open_coach(coach, bf16=self.config.bf16),
            source.release,
            self._features_of(source).read,
            asked,
        )
        write_predictions(found.said, out, found.notes)
        return {"coach": coach.parent.name, "endless": found.endless}

    def _features_of(self, source: Source) -> FeatureSource:
        if source.work not in self._features:
            self._features[source.work] = features_of_work(source.work)
        return self._features[source.work]

    def _trained(self, run: Run, switch: Switch, source: Source) -> Path:
        """Return the folder of the coach of a run; trainings that are done are found again."""
        features = self._features_of(source)
        data = released_coach_data(
            source.release,
            features.read,
            has_features=features.has,
            sentences=switch.sentences,
            motion_context=switch.motion_context,
        )
        adapter = self._recipe(self.config.adapter, self.config.coach, run, switch, source)
        coach = self._train(adapter, data, source)
        if self.config.fusion is None or not switch.morphology:
            return coach
        fusion = self._recipe(self.config.fusion, coach, run, switch, source)
        return self._train(fusion, data, source)

    def _recipe(self, usual: C, coach: Path, run: Run, switch: Switch, source: Source) -> C:
        return replace(
            usual,
            coach=coach,
            release=source.release,
            work=source.work,
            sentences=switch.sentences,
            motion_context=switch.motion_context,
            seed=run.seed,
            cache_folder=self.folder / "states",
        )

    def _train(
        self, config: AdapterTraining | FusionTraining, data: CoachData, source: Source
    ) -> Path:
        assert config.coach is not None  # noqa: S101  `_recipe` sets it
        start = sha256_file(config.coach / SETTINGS_FILE)
        files = self._features_of(source).files
        seen: dict[str, JsonValue] = {video: sha256_file_once(one) for video, one in files.items()}
        recipe_name = type(config).__name__
        digest = sha256_json([recipe_name, _digest_of(config), start, data.digest, seen])
        folder = self.folder / "trainings" / digest[:16]
        coach = loaded_coach(config)
        if isinstance(config, FusionTraining):
            recipe = fusion_recipe(config, coach, data)
        else:
            recipe = adapter_recipe(config, coach, data)
        run_recipe(recipe, folder)
        return folder / COACH_FOLDER


def _digest_of(config: CoachConfig) -> str:
    """Hash the keys of a recipe that decide its result; paths are known by their content."""
    plain: dict[str, JsonValue] = to_plain(config)
    paths = {"coach", "release", "work", "cache_folder"}
    left_out = FREE_ON_RESUME | paths
    return sha256_json({key: value for key, value in plain.items() if key not in left_out})
