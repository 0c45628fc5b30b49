"""The official implementation's numbers on a tiny random checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from qevd_bio.model.batch import CoachBatch, collate
from qevd_bio.model.coach_folder import Coach, load_coach
from qevd_bio.model.generate import GenerationConfig, Speaker, choice, speak
from qevd_bio.model.incremental import IncrementalDecoder
from qevd_bio.model.layout import Example
from qevd_bio.model.make_coach import import_stream_vlm
from qevd_bio.model.turns import Turns

GOLDEN = Path(__file__).parents[1] / "golden" / "streamvlm"
NUMBERS = np.load(GOLDEN / "tiny_logits.npz")
RUNS = json.loads((GOLDEN / "tiny_generations.json").read_text(encoding="utf-8"))
VISION = RUNS["special"]["vision"]


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    """The official checkpoint, imported, written and loaded again."""
    target = tmp_path_factory.mktemp("official") / "coach"
    import_stream_vlm(GOLDEN, GOLDEN / "config.json", target)
    return load_coach(target)


def tokens_of(video: np.ndarray) -> np.ndarray:
    """Maps (L, C, 7, 5) as (L, 35, C)."""
    return video.reshape(*video.shape[:2], -1).transpose(0, 2, 1)


def example(ids: np.ndarray, frames: np.ndarray) -> Example:
    length = len(ids)
    return Example(
        video_id="official",
        ids=ids,
        positions=np.arange(length),
        slot=np.full(length, -1),
        in_slot=np.zeros(length, np.bool_),
        targets=np.append(ids[1:], 0),
        weights=np.append(np.ones(length - 1, np.float32), np.float32(0)),
        vision=np.flatnonzero(ids == VISION),
        frames=frames,
        morphology=np.zeros(0, np.int64),
        delays_s=np.zeros(0),
        unplaced=(),
        cut_contexts=0,
    )


def official_batch() -> tuple[CoachBatch, list[np.ndarray]]:
    """The official batch of two rows without its padding on the left; and the logits."""
    video = tokens_of(NUMBERS["video"])
    rows, logits = [], []
    for row in range(2):
        own = NUMBERS["batch_attn"][row] == 1
        ids = NUMBERS["batch_ids"][row][own]
        rows.append(example(ids, video[: int((ids == VISION).sum())]))
        logits.append(NUMBERS["batch_logits"][row][own])
    return collate(rows), logits


def test_the_action_tokens_are_those_of_the_checkpoint(coach: Coach) -> None:
    assert coach.model.tokens.numbers() == tuple(RUNS["special"].values())
    assert "<vision> = 420, <answer> = 421, <answer/> = 422" in coach.description()


def test_what_was_left_out_is_reported(coach: Coach) -> None:
    assert "left out LoRA on lm_head, as the official loader does" in coach.description()
    assert "merged LoRA into 18 weights with scale 0.5" in coach.description()


@torch.no_grad()
def test_logits_of_a_whole_sequence(coach: Coach) -> None:
    batch = collate([example(NUMBERS["ids"], tokens_of(NUMBERS["video"]))])
    logits = coach.model.all_logits(batch).numpy()
    assert np.abs(logits - NUMBERS["logits"]).max() < 1e-4
    rows, columns = batch.scored
    assert np.array_equal(coach.model(batch).numpy(), logits[rows, columns])


def test_logits_token_by_token(coach: Coach) -> None:
    start = len(RUNS["prompt"])
    decoder = IncrementalDecoder(coach.model, [NUMBERS["ids"][:start]])
    frames = iter(torch.from_numpy(tokens_of(NUMBERS["video"])))
    logits = [
        decoder.step([int(token)], {0: next(frames)} if token == VISION else {})[0].numpy()
        for token in NUMBERS["ids"][start:]
    ]
    assert np.abs(np.stack(logits) - NUMBERS["inc_logits"]).max() < 1e-4


@torch.no_grad()
def test_logits_of_a_batch(coach: Coach) -> None:
    batch, official = official_batch()
    assert len(batch.ids) == 2 and not batch.present.all()
    for found, expected in zip(coach.model.all_logits(batch).numpy(), official, strict=True):
        assert np.abs(found[: len(expected)] - expected).max() < 1e-4


@pytest.mark.parametrize("run", RUNS["generations"], ids=lambda run: str(run["seed"]))
def test_greedy_generation_token_for_token(coach: Coach, run: dict[str, list[int]]) -> None:
    random = np.random.default_rng(run["seed"])
    scale = np.array([1, 1.5, 4])[:, None] / 8
    rows = torch.from_numpy((random.standard_normal((3, 64)) * scale).astype(np.float32))
    ramp = np.linspace(0, 2, 30)[:, None, None, None]
    video = np.clip(random.standard_normal((30, 40, 7, 5)) * 2, 0, 6) * ramp
    head = coach.model.language.lm_head.weight
    before = head.data.clone()
    try:
        head.data[list(coach.model.tokens.numbers())] = rows
        turns = Turns(30, coach.model.tokens, "official")
        greedy = choice(GenerationConfig(mode="official"))
        speaker = Speaker(RUNS["prompt"], turns, greedy, coach.model.tokens)
        for place, frame in enumerate(tokens_of(video.astype(np.float32))):
            speaker.add_frame(torch.from_numpy(frame), place / 4)
        speak(IncrementalDecoder(coach.model, [RUNS["prompt"]]), [speaker])
    finally:
        head.data = before
    assert [*RUNS["prompt"], *speaker.emitted] == run["output"]


def test_the_tokenizer_is_that_of_the_checkpoint(coach: Coach) -> None:
    text = "You are an expert fitness coaching AI. The user should be doing squats."
    assert coach.tokenizer.prompt(text) == RUNS["prompt"]
    assert coach.tokenizer.decode(RUNS["prompt"]) == text
    # `<answer>nice work<answer/>` in the official code
    assert coach.tokenizer.encode("nice work") == [337, 327]
