"""A coach at work, against the sequences it is trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qevd_bio.choices import SpeakingMode
from qevd_bio.errors import DataError
from qevd_bio.model.batch import collate
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.generate import (
    Asked,
    Generated,
    GenerationConfig,
    generate,
    generate_together,
)
from qevd_bio.model.layout import lay_out
from qevd_bio.model.segment import ContextRow
from tests.model.coaches import (
    FRAMES,
    SEGMENT,
    made_contexts,
    speaking_coach,
    vivid_features,
)

SEED = 6


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    """A random coach that speaks in letters and often."""
    return speaking_coach(tmp_path_factory.mktemp("speaking"), seed=SEED)


def said_by(coach: Coach, contexts: bool, **config: object) -> Generated:
    rows = made_contexts(FRAMES) if contexts else None
    return generate(coach, SEGMENT, vivid_features(), rows, GenerationConfig(**config))  # type: ignore[arg-type]


@pytest.mark.parametrize("contexts", [True, False])
@torch.no_grad()
def test_what_it_says_is_what_one_packed_pass_predicts(coach: Coach, contexts: bool) -> None:
    """Laid out as a training sequence, its own words are the likeliest tokens everywhere."""
    said = said_by(coach, contexts, mode="fixed", most_tokens=12)
    assert said.ended == "video" and len(said.feedbacks) > 3
    example = lay_out(
        replace(SEGMENT, feedbacks=said.feedbacks),
        vivid_features(),
        made_contexts(FRAMES) if contexts else None,
        coach.tokenizer,
        coach.settings.layout,
    )
    assert not example.delays_s.any() and not example.unplaced
    emitted = said.ids[said.ids.index(257) :]
    start = int(example.vision[0])
    own = example.ids[start:]
    assert tuple(own) == emitted[: len(own)]
    # the last emitted <vision> finds no frame
    assert emitted[len(own) :] in ((257,), ())
    likeliest = coach.model.all_logits(collate([example]))[0, start:-1].argmax(dim=1).numpy()
    # <vision> is forced after an end, and the end where the text is as long as it may be
    ended = np.flatnonzero(own == 259)
    limited = [place - 1 for place in ended if emitted[place - 12] == 258]
    free = np.setdiff1d(np.arange(len(likeliest)), [*ended, *limited])
    expected = own[1:]
    # silent, anything but <answer> means <vision>; speaking, an action token means <answer/>
    speaking = np.cumsum((own == 258).astype(int) - (own == 259))[:-1] > 0
    meant = np.where(speaking, likeliest, np.where(likeliest == 258, 258, 257))
    meant = np.where(speaking & np.isin(likeliest, (257, 258)), 259, meant)
    assert (meant[free] == expected[free]).all() and len(free) > 60


def test_times_are_those_of_frames(coach: Coach) -> None:
    said = said_by(coach, False, mode="fixed", most_tokens=12)
    times = vivid_features().times_s
    begins = [one.time_s for one in said.feedbacks]
    assert set(begins) <= set(times) and begins == sorted(set(begins))


def test_the_two_modes_differ(coach: Coach) -> None:
    fixed, official = (
        said_by(coach, False, mode=mode, most_tokens=12) for mode in ("fixed", "official")
    )
    assert (fixed.mode, official.mode) == ("fixed", "official")
    assert fixed.ids.count(257) < official.ids.count(257) == FRAMES


def test_draws_repeat_with_their_seed(coach: Coach) -> None:
    drawn = [
        said_by(coach, False, mode="fixed", most_tokens=8, temperature=2.0, seed=seed).ids
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


@torch.no_grad()
def test_the_future_changes_nothing_said_before(coach: Coach) -> None:
    """Other frames and contexts after a moment leave what was said until then."""
    features, contexts = vivid_features(), made_contexts(FRAMES)
    cut = 30
    maps = features.maps.copy()
    maps[cut:] = vivid_features(9).maps[cut:]
    others = tuple(
        row if place < cut else ContextRow(row.time_s, "otherwise", row.cycles + 1)
        for place, row in enumerate(contexts.rows)
    )
    config = GenerationConfig(most_tokens=12)
    first = generate(coach, SEGMENT, features, contexts, config)
    second = generate(
        coach, SEGMENT, replace(features, maps=maps), replace(contexts, rows=others), config
    )
    now = features.times_s[cut - 1]
    until_now = [[one for one in said.feedbacks if one.time_s <= now] for said in (first, second)]
    assert until_now[0] == until_now[1] and len(until_now[0]) > 1
    assert first.ids != second.ids


def test_features_of_another_network_are_refused(coach: Coach) -> None:
    trained = replace(coach, settings=replace(coach.settings, network="efficientnet"))
    with pytest.raises(DataError, match="trained on those of 'efficientnet'"):
        said_by(trained, False)


@pytest.mark.parametrize("mode", ["fixed", "official"])
def test_together_each_says_what_it_says_alone(tmp_path: Path, mode: SpeakingMode) -> None:
    """Exercises of other lengths, names, bodies and contexts, one of them without a context."""
    # This one ends its sentences in the official mode, too.
    coach = speaking_coach(tmp_path, seed=8)
    config = GenerationConfig(mode=mode, most_tokens=12)
    asked = [
        Asked(
            replace(SEGMENT, end_s=100.0 + frames / 4, exercise=name, morphology=body),
            vivid_features(seed),
            replace(made_contexts(FRAMES, every=every), rows=made_contexts(FRAMES).rows[:rows]),
        )
        for seed, (frames, name, body, every, rows) in enumerate(
            [
                (FRAMES, "squats", "Height 1.78 m.", 9, FRAMES),
                (1, "planks", "", 4, 3),
                (31, "good mornings with a long name", "", 3, FRAMES),
                (45, "lunges", "Mass 73.22 kg, Height 1.60 m.", 5, 0),
            ]
        )
    ]
    together = generate_together(coach, asked, config)
    for one, said in zip(asked, together, strict=True):
        alone = generate(coach, one.segment, one.features, one.contexts, config)
        assert said == alone
    assert sum(len(said.feedbacks) for said in together) > 6
