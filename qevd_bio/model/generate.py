"""A coach at work: frames in, feedback with its times out.

P patches, C width of the features
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qevd_bio.choices import SpeakingMode
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.coach_tokenizer import CoachTokenizer, SpecialTokens
from qevd_bio.model.decoding import decode_official
from qevd_bio.model.incremental import IncrementalDecoder
from qevd_bio.model.layout import LayoutConfig, context_ids
from qevd_bio.model.prompt import system_prompt
from qevd_bio.model.segment import (
    CoachingSegment,
    Feedback,
    GrowingContexts,
    MotionContexts,
    MotionSlot,
    VisualFeatures,
    frames_of,
)
from qevd_bio.model.turns import Turns


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """How feedback is generated.

    Attributes
    ----------
    mode : str
        ``official`` or ``fixed`` (`turns`).
    most_tokens : int
        Longest feedback in the fixed mode.
    temperature : float
        0 takes the likeliest token; otherwise tokens are drawn.
    seed : int
        Of the draw.
    """

    mode: SpeakingMode = "fixed"
    most_tokens: int = 128
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Generated:
    """What a coach said about one exercise.

    Attributes
    ----------
    feedbacks : tuple of Feedback
        Source seconds.
    ids : tuple of int
        The prompt and all tokens after it; of motion contexts nothing.
    mode : str
        The mode that the times come from.
    ended : str
        ``video``, or ``endless feedback`` where the model would not stop.
    """

    feedbacks: tuple[Feedback, ...]
    ids: tuple[int, ...]
    mode: SpeakingMode
    ended: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One exercise to coach.

    Attributes
    ----------
    segment : CoachingSegment
        The exercise; its feedback is not used.
    features : VisualFeatures
        Of the same video.
    contexts : MotionContexts or None
        Of the same video and release; None where the coach was trained without.
    """

    segment: CoachingSegment
    features: VisualFeatures
    contexts: MotionContexts | None = None


def generate(
    coach: Coach,
    segment: CoachingSegment,
    features: VisualFeatures,
    contexts: MotionContexts | None = None,
    config: GenerationConfig | None = None,
) -> Generated:
    """Coach one exercise: `generate_together` of it alone."""
    return generate_together(coach, [Asked(segment, features, contexts)], config)[0]


def generate_together(
    coach: Coach, asked: Sequence[Asked], config: GenerationConfig | None = None
) -> list[Generated]:
    """Coach several exercises in one batch.

    Parameters
    ----------
    coach : Coach
        Its model in evaluation mode. Sequences are laid out as its settings say.
    asked : sequence of Asked
        The exercises, all with contexts or all without.
    config : GenerationConfig, optional
        Mode and choice of tokens.

    Raises
    ------
    DataError
        Features or contexts do not belong to a segment, the features are of another network
        than the coach was trained on, or no frame lies in a segment.

    Notes
    -----
    Times of the fixed mode are those of the frames at which a feedback began; those of the
    official mode are `decode_official`'s, counted from the start of the segment. What is said
    about an exercise does not depend on the others: but for rounding, which may decide between
    two tokens that are equally likely.
    """
    config = config or GenerationConfig()
    speakers = [_speaker_of(coach, one, config) for one in asked]
    decoder = decoder_of(coach, speakers, [one.segment for one in asked])
    speak(decoder, speakers)
    return [
        generated(coach, one.segment, speaker, config)
        for one, speaker in zip(asked, speakers, strict=True)
    ]


def decoder_of(
    coach: Coach, speakers: Sequence[Speaker], segments: Sequence[CoachingSegment]
) -> IncrementalDecoder:
    """Decode the prompts of exercises, all with motion contexts or all without."""
    return IncrementalDecoder(
        coach.model,
        [one.prompt for one in speakers],
        slot_tokens=0 if speakers[0].slot is None else coach.settings.layout.slot_tokens,
        morphology=[_words(coach, one) for one in segments],
    )


def _words(coach: Coach, segment: CoachingSegment) -> list[int]:
    return coach.tokenizer.encode(segment.morphology) if segment.morphology else []


def _speaker_of(coach: Coach, one: Asked, config: GenerationConfig) -> Speaker:
    coach.settings.check_network(one.features.network)
    frames, times_s = frames_of(one.segment, one.features, one.contexts)
    speaker = new_speaker(coach, one.segment, len(frames), config, one.contexts)
    for frame, time_s in zip(frames, times_s, strict=True):
        speaker.add_frame(torch.from_numpy(frame), float(time_s))
    return speaker


def new_speaker(
    coach: Coach,
    segment: CoachingSegment,
    n_frames: int,
    config: GenerationConfig,
    contexts: MotionContexts | GrowingContexts | None,
) -> Speaker:
    """Prepare the coaching of an exercise whose frames will be added."""
    layout, tokenizer = coach.settings.layout, coach.tokenizer
    turns = Turns(
        n_frames, tokenizer.tokens, config.mode, most_tokens=config.most_tokens, layout=layout
    )
    slot = None if contexts is None else ContextSlot(contexts, tokenizer, layout)
    prompt = tokenizer.prompt(system_prompt(segment.exercise))
    return Speaker(prompt, turns, choice(config), tokenizer.tokens, slot)


def generated(
    coach: Coach, segment: CoachingSegment, speaker: Speaker, config: GenerationConfig
) -> Generated:
    """Read feedback and times off what was emitted about an exercise."""
    tokenizer, start_s = coach.tokenizer, segment.start_s
    ids = (*speaker.prompt, *speaker.emitted)
    if config.mode == "official":
        relative = decode_official(ids, tokenizer.tokens, tokenizer.decode)
        found = [Feedback(start_s + said.time_s, said.text) for said in relative]
    else:
        texts = [(time_s, tokenizer.decode(said)) for time_s, said in speaker.begun]
        found = [Feedback(time_s, text) for time_s, text in texts if text]
    return Generated(tuple(found), ids, config.mode, speaker.turns.ended)


class ContextSlot:
    """Tokens of the motion context of one exercise, when they are due."""

    def __init__(
        self,
        contexts: MotionContexts | GrowingContexts,
        tokenizer: CoachTokenizer,
        layout: LayoutConfig,
    ) -> None:
        self._slot = MotionSlot(contexts)
        self._tokenizer = tokenizer
        self._layout = layout

    def due(self, now_s: float, token: int) -> list[int] | None:
        """Return the context that a token needs to see anew, or None where it stays."""
        if token == self._tokenizer.tokens.vision:
            text = self._slot.at_frame(now_s)
        elif token == self._tokenizer.tokens.begin:
            text = self._slot.at_feedback(now_s)
        else:
            return None
        return None if text is None else context_ids(text, self._tokenizer, self._layout)


class Speaker:
    """The side of one exercise in the loop: what it sees next, and what it has said.

    Parameters
    ----------
    prompt : sequence of int
        Its tokens.
    turns : Turns
        The rules.
    choose : callable
        Takes logits (vocabulary,) and returns the token that the model prefers.
    tokens : SpecialTokens
        The action tokens.
    slot : ContextSlot, optional
        Its motion contexts.

    Attributes
    ----------
    emitted : list of int
        From the first ``<vision>`` on; the last one was not decoded.
    begun : list of (float, list of int)
        The time of the frame at which each feedback began, and its tokens.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        turns: Turns,
        choose: Callable[[Tensor], int],
        tokens: SpecialTokens,
        slot: ContextSlot | None = None,
    ) -> None:
        self.prompt, self.turns, self.slot = tuple(prompt), turns, slot
        self.emitted = [tokens.vision]
        self.begun: list[tuple[float, list[int]]] = []
        self._choose, self._tokens = choose, tokens
        self._frames: list[Tensor] = []
        self._times_s: list[float] = []

    def add_frame(self, frame: Tensor, time_s: float) -> None:
        """Add the next frame (P, C)."""
        self._frames.append(frame)
        self._times_s.append(time_s)

    def can_go_on(self) -> bool:
        """Tell whether the next token can be decoded: the frame that it looks at is there.

        The official mode waits for the frame after it, because it never looks at the last one.
        """
        if self.emitted[-1] != self._tokens.vision:
            return True
        return self.turns.frame + self.turns.waits_for < len(self._frames)

    def seen(self) -> Tensor | None:
        """Return the frame that the newest token looks at; None for other tokens."""
        if self.emitted[-1] != self._tokens.vision:
            return None
        return self._frames[self.turns.frame]

    def due_context(self) -> list[int] | None:
        """Return the motion context to be put into the slot before the newest token."""
        if self.slot is None:
            return None
        return self.slot.due(self._times_s[self.turns.frame], self.emitted[-1])

    def take(self, logits: Tensor) -> None:
        """Choose and note the next token."""
        token = self.turns.forced(self._choose(logits))
        if token == self._tokens.begin:
            self.begun.append((self._times_s[self.turns.frame], []))
        elif self.turns.speaking and token != self._tokens.end:
            self.begun[-1][1].append(token)
        self.emitted.append(token)
        self.turns.emit(token)


def speak(decoder: IncrementalDecoder, speakers: Sequence[Speaker]) -> None:
    """Run the loop of several exercises until all have ended.

    Parameters
    ----------
    decoder : IncrementalDecoder
        After their prompts, in the same order.
    speakers : sequence of Speaker
        With all their frames.
    """
    going = [one for one in speakers if not one.turns.ended]
    if going and len(going) < len(speakers):
        decoder.keep([row for row, one in enumerate(speakers) if not one.turns.ended])
    while going:
        step(decoder, going)
        rows = [row for row, one in enumerate(going) if not one.turns.ended]
        if rows and len(rows) < len(going):
            decoder.keep(rows)
        going = [going[row] for row in rows]


def step(decoder: IncrementalDecoder, speakers: Sequence[Speaker]) -> None:
    """Let each exercise take one token."""
    contexts = {row: one.due_context() for row, one in enumerate(speakers)}
    decoder.refresh({row: ids for row, ids in contexts.items() if ids is not None})
    frames = {row: one.seen() for row, one in enumerate(speakers)}
    logits = decoder.step(
        [one.emitted[-1] for one in speakers],
        {row: frame for row, frame in frames.items() if frame is not None},
    ).cpu()
    for one, own in zip(speakers, logits, strict=True):
        one.take(own)


def choice(config: GenerationConfig) -> Callable[[Tensor], int]:
    """Return how a token is chosen from logits (vocabulary,): the likeliest, or a draw."""
    if config.temperature <= 0:
        return lambda logits: int(logits.argmax())
    generator = torch.Generator().manual_seed(config.seed)

    def drawn(logits: Tensor) -> int:
        chances = torch.softmax(logits.float() / config.temperature, dim=-1)
        return int(torch.multinomial(chances, 1, generator=generator))

    return drawn
