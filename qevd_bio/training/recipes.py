"""The recipes by name, each with its configuration and its data."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from qevd_bio.choices import suggestion
from qevd_bio.errors import UsageError
from qevd_bio.training.coach_samples import CoachData, released_coach_data
from qevd_bio.training.coach_task import COACH_FOLDER, CoachConfig, loaded_coach
from qevd_bio.training.configuration import given, read_config
from qevd_bio.training.recipe import Recipe
from qevd_bio.training.selector_labels import labelled_segments
from qevd_bio.training.train_fusion import FusionTraining, fusion_recipe
from qevd_bio.training.train_lm_adapter import AdapterTraining, adapter_recipe
from qevd_bio.training.train_selector import (
    SELECTOR_FOLDER,
    SelectorConfig,
    gathered,
    selector_recipe,
)

NAMES = ("selector", "fusion", "lm-adapter")


def prepared_recipe(
    name: str, file: Path | None, changes: Sequence[str], *, tiny: bool = False
) -> Recipe:
    """Read the configuration and the data of a recipe.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    file : Path, optional
        Configuration, as in `read_config`.
    changes : sequence of str
        As in `read_config`.
    tiny : bool
        Take made-up data with a configuration for it.

    Raises
    ------
    UsageError, DataError
        A name, key or file cannot be used.
    """
    if name not in NAMES:
        raise UsageError("no such recipe", where=name, next_step=suggestion(name, NAMES))
    prepare = {"selector": _selector, "fusion": _fusion, "lm-adapter": _adapter}[name]
    return prepare(file, changes, tiny)


def result_of(name: str, folder: Path) -> str:
    """Say how the result of a recipe is used."""
    if name == "selector":
        made = shlex.quote(str(folder / SELECTOR_FOLDER))
        return f"use it: qevd-bio run --salient-joints selector:{made} ..."
    made = shlex.quote(str(folder / COACH_FOLDER))
    if name == "fusion":
        return f"the coach: {made}"
    return f"train its fusion: qevd-bio train fusion --set coach={made} ..."


def _selector(file: Path | None, changes: Sequence[str], tiny: bool) -> Recipe:
    if tiny:
        from qevd_bio.training.tiny_selector import TINY_CONFIG, tiny_selector_data

        config = read_config(TINY_CONFIG, changes=changes)
        return selector_recipe(config, tiny_selector_data(config.seed))
    from qevd_bio.model.visual_features import features_of_work

    config = read_config(SelectorConfig(), file, changes)
    segments, labels = labelled_segments(
        given(config.release, "release"), config.labels, config.persons, config.rules
    )
    features = features_of_work(given(config.work, "work"))
    return selector_recipe(config, gathered(segments, features.read, labels, features.has))


def _fusion(file: Path | None, changes: Sequence[str], tiny: bool) -> Recipe:
    if tiny:
        from qevd_bio.training.tiny_coach_data import (
            TINY_FUSION,
            tiny_coach_data,
            tiny_coach_in_memory,
        )

        config = read_config(TINY_FUSION, changes=changes)
        return fusion_recipe(config, tiny_coach_in_memory(sees=True), tiny_coach_data(config.seed))
    config = read_config(FusionTraining(), file, changes)
    return fusion_recipe(config, loaded_coach(config), _coach_data(config))


def _adapter(file: Path | None, changes: Sequence[str], tiny: bool) -> Recipe:
    if tiny:
        from qevd_bio.training.tiny_coach_data import (
            TINY_ADAPTER,
            tiny_coach_data,
            tiny_coach_in_memory,
        )

        config = read_config(TINY_ADAPTER, changes=changes)
        return adapter_recipe(
            config, tiny_coach_in_memory(sees=False), tiny_coach_data(config.seed)
        )
    config = read_config(AdapterTraining(), file, changes)
    return adapter_recipe(config, loaded_coach(config), _coach_data(config))


def _coach_data(config: CoachConfig) -> CoachData:
    from qevd_bio.model.visual_features import features_of_work

    features = features_of_work(given(config.work, "work"))
    return released_coach_data(
        given(config.release, "release"),
        features.read,
        has_features=features.has,
        sentences=config.sentences,
        motion_context=config.motion_context,
    )
