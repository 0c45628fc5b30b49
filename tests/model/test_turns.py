from __future__ import annotations

import json
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.choices import SpeakingMode
from qevd_bio.model.coach_tokenizer import SpecialTokens
from qevd_bio.model.decoding import decode_official
from qevd_bio.model.layout import LayoutConfig
from qevd_bio.model.turns import ENDLESS_TOKENS, Turns

GOLDEN = Path(__file__).parents[1] / "golden" / "streamvlm"
LOOP = json.loads((GOLDEN / "genloop.json").read_text(encoding="utf-8"))
EXTRACT = json.loads((GOLDEN / "extract.json").read_text(encoding="utf-8"))
TOKENS = SpecialTokens(**LOOP["ids"])
VISION, BEGIN, END = TOKENS.numbers()


def played(
    n_frames: int, wishes: list[int], mode: SpeakingMode, **options: int
) -> tuple[list[int], list[tuple[int, int]], Turns]:
    """Run the loop with a model that prefers these tokens; give tokens and (frame, newest)."""
    turns = Turns(n_frames, TOKENS, mode, **options)
    emitted, steps = [VISION], []
    for wish in chain(wishes, repeat(9)):
        if turns.ended:
            return emitted, steps, turns
        steps.append((turns.frame, emitted[-1]))
        emitted.append(turns.forced(wish))
        turns.emit(emitted[-1])
    raise AssertionError


@pytest.mark.parametrize("case", LOOP["cases"], ids=lambda case: f"{case['n_frames']} frames")
def test_the_official_loop(case: dict[str, Any]) -> None:
    wishes = [raw for raw, _, _ in case["steps"]]
    emitted, steps, turns = played(case["n_frames"], wishes, "official")
    looked = [(frame + 1, 2 if token == VISION else 0) for frame, token in steps]
    assert looked[: len(wishes)] == [(frames, mask) for _, frames, mask in case["steps"]]
    if case["output"] is None:
        # The published loop went on for ever here.
        assert turns.ended == "endless feedback"
    else:
        assert [*case["prompt"], *emitted[1:]] == case["output"]
        assert turns.ended == "video"


@pytest.mark.parametrize("case", EXTRACT["cases"])
def test_the_official_decoder_of_times(case: dict[str, Any]) -> None:
    found = decode_official(
        case["output"],
        SpecialTokens(**EXTRACT["ids"]),
        lambda ids: " ".join(f"w{number}" for number in ids),
    )
    assert [one.text for one in found] == case["responses"]
    assert [one.time_s for one in found] == pytest.approx(case["timestamps"], abs=1e-9)


def test_a_sequence_without_a_frame_has_no_feedback() -> None:
    assert decode_official([1, BEGIN, 5, END], TOKENS, str) == ()


def test_frames_that_pass_while_speaking_are_skipped() -> None:
    # 5 words and their end are 6 tokens: half a second of speech, two frames
    emitted, steps, _ = played(10, [VISION, BEGIN, 5, 6, 7, 8, 9, END, *[VISION] * 9], "fixed")
    assert [frame for frame, token in steps if token == VISION] == [0, 1, 4, 5, 6, 7, 8, 9]
    assert emitted.count(END) == 1


def test_a_feedback_that_does_not_end_is_ended() -> None:
    emitted, _, turns = played(9, [BEGIN], "fixed", most_tokens=7)
    assert emitted[1:10] == [BEGIN, *[9] * 6, END, VISION]
    assert turns.ended == "video"


def test_the_fixed_mode_looks_at_the_last_frame_and_may_speak_at_it() -> None:
    emitted, steps, _ = played(2, [VISION, BEGIN, 5, END, VISION], "fixed")
    assert steps[1] == (1, VISION)
    assert emitted == [VISION, VISION, BEGIN, 5, END, VISION]


def test_begin_and_end_for_ever_are_stopped() -> None:
    wishes = [BEGIN, END] * ENDLESS_TOKENS
    assert played(9, wishes, "official")[2].ended == "endless feedback"
    emitted, _, turns = played(9, wishes, "fixed")
    assert turns.ended == "video" and [END, BEGIN] not in [
        emitted[place : place + 2] for place in range(len(emitted))
    ]


@given(
    n_frames=st.integers(0, 30),
    wishes=st.lists(st.sampled_from([VISION, BEGIN, END, 5, 6]), max_size=200),
    mode=st.sampled_from(["official", "fixed"]),
)
def test_every_run_is_well_formed(n_frames: int, wishes: list[int], mode: SpeakingMode) -> None:
    emitted, steps, turns = played(n_frames, [*wishes, END], mode, most_tokens=12)
    frames = [frame for frame, token in steps if token == VISION]
    assert frames == sorted(set(frames)) and all(frame < n_frames for frame in frames)
    speaking = False
    for token in emitted:
        assert token in (VISION, BEGIN) if not speaking else token not in (VISION, BEGIN)
        speaking = token not in (END, VISION)
    if mode == "official" and turns.ended == "video":
        assert frames == list(range(max(n_frames - 1, 0)))


def test_speech_takes_the_time_of_the_layout() -> None:
    slow = LayoutConfig(tokens_per_s=4.0)
    turns = Turns(20, TOKENS, "fixed", layout=slow)
    for token in (BEGIN, 5, 6, END, VISION):
        turns.emit(token)
    assert turns.frame == 4
