"""Scoring predictions against a release, with every control that the release allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.choices import Sentences
from qevd_bio.errors import UsageError
from qevd_bio.evaluation.bert_score import LAYER, bert_scorer
from qevd_bio.evaluation.bootstrap import DRAWS, SEED
from qevd_bio.evaluation.controls import (
    FREQUENT,
    INTERVAL,
    SILENT,
    TEMPLATE,
    best_interval_s,
    interval_speaker,
    most_frequent_sentence,
    silent,
    template_speaker,
)
from qevd_bio.evaluation.figures import TEXT_NAMES, figures
from qevd_bio.evaluation.meteor import meteor_scorer
from qevd_bio.evaluation.predictions import read_predictions
from qevd_bio.evaluation.references import References, references
from qevd_bio.evaluation.rouge_l import rouge_l
from qevd_bio.evaluation.score_report import ScoreReport, System, score_report
from qevd_bio.evaluation.segment_scores import TextScore
from qevd_bio.released.manifest import read_manifest


@dataclass(frozen=True, slots=True)
class ScoreConfig:
    """How predictions are scored.

    Attributes
    ----------
    split : str
        The split that was predicted.
    sentences : str
        ``new``: against the sentences of the release. ``original``: against the trainer's.
    bert : Path or None
        Folder of the model of BERTScore; it is not computed without one.
    bert_layer : int
        Layer of that model.
    wordnet : Path or None
        Folder of WordNet; None for the usual place.
    no_meteor : bool
        Leaves METEOR out, where WordNet cannot be had.
    seed, draws : int
        Of intervals and tests.
    """

    split: str = "test"
    sentences: Sentences = "new"
    bert: Path | None = None
    bert_layer: int = LAYER
    wordnet: Path | None = None
    no_meteor: bool = False
    seed: int = SEED
    draws: int = DRAWS


def score_predictions(
    release: Path, predictions: Sequence[Path], config: ScoreConfig
) -> ScoreReport:
    """Score one or more systems on the same exercises, beside the controls.

    Parameters
    ----------
    release : Path
        Folder of a release with the true sentences.
    predictions : sequence of Path
        Files of predictions; the first is compared with each other one.
    config : ScoreConfig
        How.

    Raises
    ------
    UsageError
        The release holds no sentence in the split, two predictions have one name, or predictions
        share no exercise with the split.
    EnvironmentProblem, DataError
        METEOR lacks WordNet, a model or a file cannot be used.
    """
    return score_systems(
        release, lambda asked: [_system(path, asked) for path in predictions], config
    )


def score_systems(
    release: Path, systems_of: Callable[[References], Sequence[System]], config: ScoreConfig
) -> ScoreReport:
    """Score systems, which are made of what the split asks for; as `score_predictions`."""
    by_split = references(release, config.sentences)
    asked = by_split.get(config.split, {})
    if not asked:
        raise UsageError(
            f"holds no sentence with a time in the split {config.split}",
            where=str(release),
            next_step=f"Choose by --split: {', '.join(sorted(by_split))}",
        )
    systems = systems_of(asked)
    _check_names(systems)
    controls, missing = _controls(release, by_split.get("train", {}), asked, config)
    texts, not_computed = _texts(config)
    return score_report(
        asked,
        [*systems, *controls],
        figures(tuple(texts)),
        texts,
        about={
            "release": str(read_manifest(release)["version"]),
            "split": config.split,
            "sentences": config.sentences,
        },
        not_computed={**not_computed, **missing},
        seed=config.seed,
        draws=config.draws,
    )


def _system(path: Path, asked: References) -> System:
    said, notes = read_predictions(path)
    if not set(said) & set(asked):
        raise UsageError(
            "predicts no exercise of the split",
            where=str(path),
            next_step="Name the release and split that were predicted by --truth and --split",
        )
    about = ", ".join(f"{name} {value}" for name, value in sorted(notes.items()))
    return System(notes.get("system", path.stem), said, about=about)


def _check_names(systems: Sequence[System]) -> None:
    names = [SILENT, INTERVAL, TEMPLATE, FREQUENT, *(one.name for one in systems)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two systems are named {twice[0]!r}",
            where="predictions",
            next_step="Name each with 'qevd-bio predict --name', or rename a file",
        )


def _controls(
    release: Path, train: References, asked: References, config: ScoreConfig
) -> tuple[list[System], dict[str, str]]:
    """Make the controls, and say which cannot be made and why."""
    found = [System(SILENT, silent(asked), True, "says nothing")]
    missing: dict[str, str] = {}
    if train:
        every_s = best_interval_s(train)
        how = f"speaks every {every_s} s, which reaches the highest T-F on train"
        found += [
            System(
                INTERVAL,
                interval_speaker(train, asked, every_s),
                True,
                f"{how}; training sentences of the exercise in turn",
            ),
            System(
                FREQUENT,
                most_frequent_sentence(train, asked, every_s),
                True,
                f"{how}; always the most frequent training sentence",
            ),
        ]
    else:
        missing |= dict.fromkeys((INTERVAL, FREQUENT), "the release has no training sentence")
    if "contexts" in read_manifest(release)["configs"]:
        said = template_speaker(release, config.split, asked)
        about = "says the violations of C_motion when a cycle is known, without a network"
        found.append(System(TEMPLATE, said, True, about))
    else:
        missing[TEMPLATE] = "the release has no contexts"
    return found, missing


def _texts(config: ScoreConfig) -> tuple[Mapping[str, TextScore], dict[str, str]]:
    """Prepare the measures of text, and say which are left out and why."""
    texts: dict[str, TextScore] = {}
    not_computed = {}
    if config.no_meteor:
        not_computed[TEXT_NAMES["meteor"]] = "it was left out on request"
    else:
        texts["meteor"] = meteor_scorer(config.wordnet)
    texts["rouge_l"] = rouge_l
    if config.bert is None:
        not_computed[TEXT_NAMES["bert_score"]] = "no model was given (--bert)"
    else:
        texts["bert_score"] = bert_scorer(config.bert, config.bert_layer)
    return texts, not_computed
