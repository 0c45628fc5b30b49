"""One exercise as one sequence of tokens with targets and weights.

S tokens, K frames that are looked at, P patches, C width of the features, M length of a slot

[prompt][slot 0]...[slot J][<vision> <vision> <answer> text <answer/> <vision> ...]

Slots hold the motion contexts that were in force one after the other. They share their
positions, and each token sees one of them (`packed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qevd_bio.arrays import BoolArray, Float16Array, Float32Array, FloatArray, IntArray
from qevd_bio.choices import ContextCut
from qevd_bio.errors import UsageError
from qevd_bio.feedback.statements import form
from qevd_bio.model.coach_tokenizer import CoachTokenizer
from qevd_bio.model.prompt import system_prompt
from qevd_bio.model.segment import (
    CoachingSegment,
    MotionContexts,
    MotionSlot,
    VisualFeatures,
    frames_of,
)

PROMPT_SLOT = -1


@dataclass(frozen=True, slots=True)
class LayoutConfig:
    """How sequences are laid out.

    Attributes
    ----------
    slot_tokens : int
        M: tokens that a motion context may have. All slots take this many positions, because
        a length taken from later contexts would tell of the future.
    continuation_weight : float
        Weight of ``<vision>`` as a target (the paper's alpha).
    skip_spoken_frames : bool
        Whether the frames that pass while a feedback is spoken are left out.
    tokens_per_s, features_per_s : float
        Speed of speech and rate of the features: n tokens take
        floor(n / tokens_per_s features_per_s) frames.
    context_cut : str
        What is kept of a context longer than a slot. ``pose``: the pose is left out, and of
        violations that are still too long the beginning is kept. ``end``: the last tokens, as in
        coaches made before 2026-11-30.
    """

    slot_tokens: int = 128
    continuation_weight: float = 0.1
    skip_spoken_frames: bool = True
    tokens_per_s: float = 12.0
    features_per_s: float = 4.0
    context_cut: ContextCut = "pose"

    def __post_init__(self) -> None:
        rates = self.tokens_per_s > 0 and self.features_per_s > 0
        if self.slot_tokens < 0 or not 0 <= self.continuation_weight <= 1 or not rates:
            raise UsageError(
                "a length, weight or rate is out of range",
                where="layout",
                next_step="Use slot_tokens >= 0, 0 <= continuation_weight <= 1, rates > 0",
            )

    def spoken_frames(self, n_tokens: int) -> int:
        """Count the frames that pass while a feedback of n tokens, its end included, is spoken."""
        if not self.skip_spoken_frames:
            return 0
        return int(n_tokens * self.features_per_s / self.tokens_per_s)


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence, ready for a batch.

    Attributes
    ----------
    video_id : str
        The video.
    ids, positions : ndarray (S,)
        Tokens, and their places for the rotary embedding.
    slot : ndarray (S,)
        The slot that a token sees; `PROMPT_SLOT` for the prompt.
    in_slot : ndarray (S,) of bool
        Whether the token is part of a slot.
    targets : ndarray (S,)
        The next token; 0 where there is none.
    weights : ndarray (S,)
        Of the targets; 0 where nothing is to be learned.
    vision : ndarray (K,)
        Places of the ``<vision>`` tokens.
    frames : ndarray (K, P, C) of float16
        The frames they see.
    morphology : ndarray
        Tokens of C_morph.
    delays_s : ndarray
        By how much each placed feedback begins later than in the record; negative for one
        after the last frame.
    unplaced : tuple of int
        Feedback that finds no frame because the one before it is spoken until the end.
    cut_contexts : int
        Number of contexts longer than a slot, of which the end was kept.
    """

    video_id: str
    ids: IntArray
    positions: IntArray
    slot: IntArray
    in_slot: BoolArray
    targets: IntArray
    weights: Float32Array
    vision: IntArray
    frames: Float16Array
    morphology: IntArray
    delays_s: FloatArray
    unplaced: tuple[int, ...]
    cut_contexts: int


@dataclass(slots=True)
class _Stream:
    """Tokens after the slots, as they are appended."""

    ids: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    contexts: list[list[int]] = field(default_factory=list)
    vision: list[int] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    cut: int = 0

    def append(self, ids: Sequence[int]) -> None:
        self.ids.extend(ids)
        self.slots.extend([len(self.contexts) - 1] * len(ids))

    def refresh(self, text: str | None, tokenizer: CoachTokenizer, config: LayoutConfig) -> None:
        if text is not None:
            ids = context_ids(text, tokenizer, config)
            self.cut += len(ids) < len(tokenizer.encode(text)) if text else 0
            self.contexts.append(ids)


def context_ids(text: str, tokenizer: CoachTokenizer, config: LayoutConfig) -> list[int]:
    """Encode a motion context; a longer one than a slot is cut as `LayoutConfig` says."""
    ids, most = tokenizer.encode(text) if text else [], config.slot_tokens
    if len(ids) <= most:
        return ids
    start = text.find(form("violations").format(statements="").strip())
    if config.context_cut == "end" or start < 0:
        return ids[len(ids) - most :]
    return tokenizer.encode(text[start:])[:most]


def lay_out(
    segment: CoachingSegment,
    features: VisualFeatures,
    contexts: MotionContexts | None,
    tokenizer: CoachTokenizer,
    config: LayoutConfig,
) -> Example:
    """Lay one exercise out as a sequence.

    Parameters
    ----------
    segment : CoachingSegment
        The exercise and its feedback.
    features : VisualFeatures
        Of the same video.
    contexts : MotionContexts or None
        Of the same video and release; None leaves the slot out, as Stream-VLM has none.
    tokenizer : CoachTokenizer
        Of the coach.
    config : LayoutConfig
        How.

    Raises
    ------
    DataError
        Features or contexts do not belong to the segment, or no frame lies in it.

    Notes
    -----
    A feedback is due at the first frame at or after its time, or at the last frame where there
    is none, and not before the one before it has been spoken. The slot in force at a frame was
    computed from what lies at or before that frame.
    """
    frames, times_s = frames_of(segment, features, contexts)
    prompt = tokenizer.prompt(system_prompt(segment.exercise))
    stream, unplaced = _stream(segment, times_s, contexts, tokenizer, config)
    slots = [slot for slot in enumerate(stream.contexts) if slot[1]]
    length = config.slot_tokens if contexts is not None else 0
    before = len(prompt) + sum(len(ids) for _, ids in slots)
    ids = np.array([*prompt, *(i for _, held in slots for i in held), *stream.ids], np.int64)
    places = [
        np.arange(len(prompt)),
        *(len(prompt) + np.arange(len(held)) for _, held in slots),
        len(prompt) + length + np.arange(len(stream.ids)),
    ]
    slot = [
        *[PROMPT_SLOT] * len(prompt),
        *(number for number, held in slots for _ in held),
        *stream.slots,
    ]
    targets, weights = _targets(ids, before, tokenizer, config)
    return Example(
        video_id=segment.video_id,
        ids=ids,
        positions=np.concatenate(places),
        slot=np.array(slot, np.int64),
        in_slot=(np.arange(len(ids)) >= len(prompt)) & (np.arange(len(ids)) < before),
        targets=targets,
        weights=weights,
        vision=before + np.array(stream.vision, np.int64),
        frames=frames[stream.frames],
        morphology=np.array(
            tokenizer.encode(segment.morphology) if segment.morphology else [], np.int64
        ),
        delays_s=np.array(stream.delays_s),
        unplaced=unplaced,
        cut_contexts=stream.cut,
    )


def _stream(
    segment: CoachingSegment,
    times_s: FloatArray,
    contexts: MotionContexts | None,
    tokenizer: CoachTokenizer,
    config: LayoutConfig,
) -> tuple[_Stream, tuple[int, ...]]:
    """Append frames and feedback in order; return with the feedback that found no frame."""
    tokens, stream = tokenizer.tokens, _Stream()
    slot = None if contexts is None else MotionSlot(contexts)
    waiting = list(segment.feedbacks)
    frame, last = 0, len(times_s) - 1
    while frame <= last:
        now = float(times_s[frame])
        if slot is not None:
            stream.refresh(slot.at_frame(now), tokenizer, config)
        stream.vision.append(len(stream.ids))
        stream.frames.append(frame)
        stream.append([tokens.vision])
        frame += 1
        if waiting and (waiting[0].time_s <= now or frame > last):
            feedback = waiting.pop(0)
            if slot is not None:
                stream.refresh(slot.at_feedback(now), tokenizer, config)
            spoken = tokenizer.encode(feedback.text)
            stream.append([tokens.begin, *spoken, tokens.end])
            stream.delays_s.append(now - feedback.time_s)
            frame += config.spoken_frames(len(spoken) + 1)
    count = len(segment.feedbacks)
    return stream, tuple(range(count - len(waiting), count))


def _targets(
    ids: IntArray, before: int, tokenizer: CoachTokenizer, config: LayoutConfig
) -> tuple[IntArray, Float32Array]:
    """Give the next token from the first ``<vision>`` on, and its weight."""
    targets = np.append(ids[1:], 0)
    weights = np.where(targets == tokenizer.tokens.vision, config.continuation_weight, 1.0)
    weights[:before] = 0.0
    weights[-1] = 0.0
    return targets, weights.astype(np.float32)
