from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.choices import ContextCut
from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.batch import collate
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.coach_tokenizer import load_tokenizer
from qevd_bio.model.incremental import IncrementalDecoder
from qevd_bio.model.layout import PROMPT_SLOT, Example, LayoutConfig, lay_out
from qevd_bio.model.packed import visible
from qevd_bio.model.prompt import system_prompt
from qevd_bio.model.segment import ContextRow, MotionContexts, VisualFeatures
from tests.model.coaches import (
    made_coach,
    made_contexts,
    made_features,
    made_segment,
    with_fusion,
)

SPOKEN = ((1.1, "lower"), (4.0, "good job, hips down"), (4.1, "nice"))
SMALL = LayoutConfig(slot_tokens=20)


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    made = made_coach(tmp_path_factory.mktemp("layout"))
    with_fusion(made.model)
    return made


def text_of(coach: Coach, ids: np.ndarray) -> str:
    """Tokens as text, with | for a frame and () around a feedback."""
    signs = dict(zip(coach.model.tokens.numbers(), "|()", strict=True))
    return "".join(signs.get(int(one)) or coach.tokenizer.decode([int(one)]) for one in ids)


def tokens_after_slots(example: Example) -> np.ndarray:
    return ~example.in_slot & (np.arange(len(example.ids)) >= example.vision[0])


def test_the_prompt_is_the_published_one() -> None:
    digest = hashlib.sha256(system_prompt("squats").encode()).hexdigest()
    assert digest == "d21a699d6535006486d46bee3cab1c55176696c1e9b23d169227d5f31c558680"


def test_a_sequence_word_for_word(coach: Coach) -> None:
    segment = made_segment((0.6, "hm"), (0.7, "ok"), end_s=102.0)
    example = lay_out(segment, made_features(20), None, coach.tokenizer, LayoutConfig())
    prompt = coach.tokenizer.prompt(system_prompt("squats"))
    assert example.ids[: len(prompt)].tolist() == prompt
    # frames at 0.25, 0.5, ... s; "hm" and its end are 3 tokens and hide one frame
    assert text_of(coach, example.ids[len(prompt) :]) == "|||(hm)|(ok)||"
    assert example.delays_s == pytest.approx([0.15, 0.55])
    assert example.positions.tolist() == list(range(len(example.ids)))
    official = replace(LayoutConfig(), skip_spoken_frames=False)
    other = lay_out(segment, made_features(20), None, coach.tokenizer, official)
    assert text_of(coach, other.ids[len(prompt) :]) == "|||(hm)|(ok)||||"


def test_targets_and_weights(coach: Coach) -> None:
    segment = made_segment((0.6, "hm"), end_s=101.5)
    example = lay_out(segment, made_features(20), made_contexts(9), coach.tokenizer, SMALL)
    first = int(example.vision[0])
    assert not example.weights[:first].any() and not example.weights[-1]
    assert example.targets[:-1].tolist() == example.ids[1:].tolist()
    shown = dict.fromkeys(example.weights[first:-1].tolist())
    assert set(shown) == {np.float32(0.1), 1.0}
    vision = example.targets[first:-1] == coach.model.tokens.vision
    assert (example.weights[first:-1] == np.where(vision, np.float32(0.1), 1)).all()


def test_frames_are_those_of_the_segment(coach: Coach) -> None:
    features = made_features(40)
    segment = replace(made_segment(), start_s=102.0, end_s=103.0)
    example = lay_out(segment, features, None, coach.tokenizer, LayoutConfig())
    # after the start, up to the end; 35 patches row by row
    assert features.times_s[8] == 102.25 and len(example.frames) == 4
    assert example.frames[0, 5 * 2 + 3].tolist() == features.maps[8, :, 2, 3].tolist()


def test_feedback_after_the_last_frame_goes_to_it(coach: Coach) -> None:
    example = lay_out(
        made_segment((0.9, "up"), end_s=101.0), made_features(3), None, coach.tokenizer, SMALL
    )
    assert text_of(coach, example.ids[example.vision[0] :]) == "|||(up)"
    assert example.delays_s == pytest.approx([-0.15])


def test_feedback_that_finds_no_frame_is_named(coach: Coach) -> None:
    segment = made_segment(
        (0.5, "a long sentence that is spoken to the end"), (0.9, "up"), end_s=101
    )
    example = lay_out(segment, made_features(4), None, coach.tokenizer, SMALL)
    assert example.unplaced == (1,)


def test_slots_share_positions_of_fixed_length(coach: Coach) -> None:
    example = lay_out(
        made_segment(*SPOKEN), made_features(40), made_contexts(40), coach.tokenizer, SMALL
    )
    prompt = int((example.slot == PROMPT_SLOT).sum())
    for slot in set(example.slot[example.in_slot]):
        own = example.positions[example.in_slot & (example.slot == slot)]
        assert own.tolist() == list(range(prompt, prompt + len(own)))
    after = example.positions[tokens_after_slots(example)]
    assert after.tolist() == list(range(prompt + 20, prompt + 20 + len(after)))


@pytest.mark.parametrize(
    ("cut", "text", "kept"),
    [
        ("pose", "Pose state: right knee 85. Violations: none.", "Violations: none."),
        ("pose", "Pose state: right knee 85. Violations: knee 85.", "Violations: knee 85."),
        ("pose", "Pose state: a. Violations: knee 85, hip 90.", "Violations: knee 85,"),
        ("end", "Pose state: right knee 85. Violations: none.", "5. Violations: none."),
    ],
)
def test_a_long_context_is_cut_and_counted(
    coach: Coach, cut: ContextCut, text: str, kept: str
) -> None:
    example = lay_out(
        made_segment(),
        made_features(4),
        MotionContexts("0001", "1.0.0", (ContextRow(100.1, text, 0),)),
        coach.tokenizer,
        replace(SMALL, context_cut=cut),
    )
    assert coach.tokenizer.decode(example.ids[example.in_slot]) == kept
    assert example.cut_contexts == 1


def slots_seen(coach: Coach, example: Example) -> list[tuple[float, str]]:
    """For each token after the slots: the text of the slot in force."""
    return [
        coach.tokenizer.decode(example.ids[example.in_slot & (example.slot == slot)])
        for slot in example.slot[tokens_after_slots(example)]
    ]


def test_when_the_context_is_refreshed(coach: Coach) -> None:
    rows = tuple(
        ContextRow(100.0 + 0.25 * row, f"row {row}", 0 if row < 6 else 1) for row in range(1, 20)
    )
    contexts = MotionContexts("0001", "1.0.0", rows)
    segment = made_segment((0.75, "a"), end_s=102.5)
    example = lay_out(segment, made_features(12), contexts, coach.tokenizer, SMALL)
    tokens = text_of(coach, example.ids[tokens_after_slots(example)])
    assert tokens == "|||(a)|||||||"
    # first frame; the feedback at frame 3; the cycle that ended at row 6
    expected = ["row 1"] * 3 + ["row 3"] * 5 + ["row 6"] * 5
    assert slots_seen(coach, example) == expected


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_slot_holds_anything_of_the_future(coach: Coach, data: st.DataObject) -> None:
    """Another future changes neither tokens nor slots up to now, nor their positions."""
    row = st.tuples(st.floats(0, 0.6), st.text("abc", max_size=30), st.integers(0, 1))
    steps = data.draw(st.lists(row, max_size=25))
    others = data.draw(st.lists(row, max_size=25))
    now = data.draw(st.floats(0.3, 5.0))
    feedbacks = [(0.8, "x"), (2.0, "more of it")]

    def rows(steps: list[tuple[float, str, int]], start_s: float, cycles: int) -> list[ContextRow]:
        made = []
        for step, text, more in steps:
            start_s, cycles = start_s + step, cycles + more
            made.append(ContextRow(start_s, text, cycles))
        return made

    past = [one for one in rows(steps, 100.0, 0) if one.time_s <= 100.0 + now]
    cycles = past[-1].cycles if past else 0
    futures = (
        [one for one in rows(steps, 100.0, 0) if one.time_s > 100.0 + now],
        [one for one in rows(others, 100.0 + now, cycles) if one.time_s > 100.0 + now],
    )
    features = made_features(20)
    # tokens that were emitted at frames up to now
    until_now = []
    for future in futures:
        contexts = MotionContexts("0001", "1.0.0", tuple([*past, *future]))
        segment = made_segment(*feedbacks, end_s=105.0)
        example = lay_out(segment, features, contexts, coach.tokenizer, SMALL)
        after = np.flatnonzero(tokens_after_slots(example))
        shown = np.searchsorted(example.vision, after, side="right") - 1
        times = features.times_s[:20][_frame_numbers(example, features)]
        until = int((times[shown] <= 100.0 + now).sum())
        until_now.append(
            (
                example.ids[after][:until].tolist(),
                example.positions[after][:until].tolist(),
                slots_seen(coach, example)[:until],
            )
        )
    assert until_now[0] == until_now[1]


def _frame_numbers(example: Example, features: VisualFeatures) -> np.ndarray:
    """Which frame of the features each looked-at frame is."""
    tokens = features.maps.reshape(len(features.maps), -1, 35).transpose(0, 2, 1)
    return np.array(
        [
            next(n for n, own in enumerate(tokens) if np.array_equal(own, frame))
            for frame in example.frames
        ]
    )


@torch.no_grad()
def incremental_logits(coach: Coach, example: Example, slot_tokens: int) -> torch.Tensor:
    """Decode the tokens after the slots one by one, swapping slots when they change."""
    prompt = example.ids[example.slot == PROMPT_SLOT]
    decoder = IncrementalDecoder(
        coach.model, [prompt], slot_tokens=slot_tokens, morphology=[example.morphology]
    )
    frames, in_force, logits = iter(example.frames), None, []
    for place in np.flatnonzero(tokens_after_slots(example)):
        slot = example.slot[place]
        if slot != in_force:
            decoder.refresh({0: example.ids[example.in_slot & (example.slot == slot)]})
            in_force = slot
        token = int(example.ids[place])
        looks = token == coach.model.tokens.vision
        seen = {0: torch.from_numpy(next(frames))} if looks else {}
        logits.append(decoder.step([token], seen)[0])
    return torch.stack(logits)


@pytest.mark.parametrize("seed", range(4))
@torch.no_grad()
def test_one_packed_pass_equals_decoding_with_slot_swaps(coach: Coach, seed: int) -> None:
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0.2, 8, 3))
    segment = made_segment(
        *((float(t), "abcdef"[: random.integers(1, 6)]) for t in times), end_s=109
    )
    examples = [
        lay_out(
            segment,
            made_features(36, seed=seed),
            made_contexts(36, every=int(random.integers(2, 9))),
            coach.tokenizer,
            SMALL,
        ),
        lay_out(made_segment(), made_features(8), made_contexts(8), coach.tokenizer, SMALL),
    ]
    assert len(set(examples[0].slot)) > 4
    packed = coach.model.all_logits(collate(examples))
    for row, example in zip(packed, examples, strict=True):
        own = torch.from_numpy(np.flatnonzero(tokens_after_slots(example)))
        one_by_one = incremental_logits(coach, example, SMALL.slot_tokens)
        assert (row[own] - one_by_one).abs().max() < 1e-5


@torch.no_grad()
def test_slots_matter(coach: Coach) -> None:
    contexts = made_contexts(40)
    other = replace(contexts, rows=tuple(replace(r, text=r.text[::-1]) for r in contexts.rows))
    batches = [
        collate([lay_out(made_segment(*SPOKEN), made_features(40), own, coach.tokenizer, SMALL)])
        for own in (contexts, other)
    ]
    first, second = (coach.model(batch) for batch in batches)
    assert (first - second).abs().max() > 1e-3


def test_a_token_sees_one_slot_and_what_is_before_it() -> None:
    slot = torch.tensor([[-1, 0, 1, 0, 1, 1]])
    in_slot = torch.tensor([[False, True, True, False, False, False]])
    present = torch.tensor([[True, True, True, True, True, False]])
    expected = [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [1, 0, 1, 1, 1, 0],
        [1, 0, 1, 1, 1, 1],
    ]
    assert visible(slot, in_slot, present)[0].int().tolist() == expected


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"features": {"video_id": "0002"}}, "the features are of video 0002"),
        ({"contexts": {"video_id": "0002"}}, "the contexts are of video 0002"),
        ({"contexts": {"release": "2.0.0"}}, "the contexts are of release 2.0.0"),
        ({"contexts": {"segment_index": 1}}, "the contexts are of exercise 1"),
        ({"segment": {"start_s": 500.0, "end_s": 510.0}}, "no feature lies between"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    coach: Coach, change: dict[str, dict[str, object]], cause: str
) -> None:
    parts = {
        "segment": made_segment(*SPOKEN),
        "features": made_features(9),
        "contexts": made_contexts(9),
    }
    for name, own in change.items():
        parts[name] = replace(parts[name], **own)  # type: ignore[type-var]
    with pytest.raises(DataError, match=cause):
        lay_out(*parts.values(), coach.tokenizer, SMALL)  # type: ignore[arg-type]


def test_text_that_spells_an_action_token_is_refused(coach: Coach) -> None:
    with pytest.raises(DataError, match="action token"):
        lay_out(made_segment((1.0, "<vision>")), made_features(9), None, coach.tokenizer, SMALL)


def test_the_official_tokenizer_refuses_them_too() -> None:
    golden = Path(__file__).parents[1] / "golden" / "streamvlm"
    with pytest.raises(DataError, match="action token"):
        load_tokenizer(golden).encode("no <answer/> here")


def test_features_whose_times_do_not_fit_are_refused() -> None:
    maps = np.zeros((3, 4, 7, 5), np.float16)
    for times in ([1.0, 2.0], [1.0, 3.0, 2.0], [1.0, np.nan, 2.0]):
        with pytest.raises(DataError, match="0001"):
            VisualFeatures("0001", maps, np.array(times), "made up")


def test_a_batch_of_other_features_is_refused(coach: Coach) -> None:
    one = lay_out(made_segment(), made_features(4), None, coach.tokenizer, SMALL)
    with pytest.raises(UsageError, match="shapes"):
        collate([one, replace(one, frames=one.frames[:, :, :8])])
