"""Texts and times out of the tokens that a coach emitted, as the published decoder reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qevd_bio.model.coach_tokenizer import SpecialTokens
from qevd_bio.model.segment import Feedback

FEATURES_PER_S = 4
TOKENS_PER_S = 12


def decode_official(
    output: Sequence[int], tokens: SpecialTokens, decode: Callable[[Sequence[int]], str]
) -> tuple[Feedback, ...]:
    """Read feedback with its times off a sequence.

    Parameters
    ----------
    output : sequence of int
        The prompt and all tokens after it.
    tokens : SpecialTokens
        The action tokens.
    decode : callable
        Turns tokens into text.

    Returns
    -------
    tuple of Feedback
        Times in seconds from the first frame.

    Notes
    -----
    Kept as published: k-th begin and end are paired by rank; a first feedback after k frames
    is timed (k - 2) / 4 s, which may be negative; speaking time is added although no frame was
    skipped for it; an empty feedback is dropped together with the time before it, so that all
    later ones come too early. `generate` in its fixed mode takes times of frames instead.
    """
    start = list(output).index(tokens.vision) if tokens.vision in output else len(output)
    seen = list(output[start:])
    begins = [place for place, token in enumerate(seen) if token == tokens.begin]
    ends = [place for place, token in enumerate(seen) if token == tokens.end]
    found = []
    time_s = spoken_s = 0.0
    last = 1
    paired = min(len(begins), len(ends))
    for begin, end in zip(begins[:paired], ends[:paired], strict=True):
        gap_s = (begin - last - 1) / FEATURES_PER_S
        last = end
        text = decode(seen[begin + 1 : end])
        if not text:
            spoken_s = 0.0
            continue
        time_s += gap_s + spoken_s
        spoken_s = (end - begin) / TOKENS_PER_S
        found.append(Feedback(time_s, text))
    return tuple(found)
