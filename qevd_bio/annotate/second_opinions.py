"""Ask a second judge for the kinds of sentences: a language model, or a vote of examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qevd_bio.annotate.kind_examples import kind_examples
from qevd_bio.annotate.neighbour_vote import NeighbourVote
from qevd_bio.annotate.sentence_encoder import SentenceEncoder
from qevd_bio.feedback.kinds import kind_of
from qevd_bio.feedback.second_opinions import SecondOpinion, opinions_text, read_opinions
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.llm.chat import Asker, Sampling
from qevd_bio.llm.prompt_file import load_model_prompt
from qevd_bio.stages.sessions import Sessions

PROMPT = "utterance_kind"
SAMPLING = Sampling(temperature=0.0, seed=0, max_tokens=64)
MODEL_CONFIDENCE = 0.5
"""Of a kind that a language model chose: it states none, and this ranks it in the middle."""


@dataclass(frozen=True, slots=True)
class OpinionSummary:
    """What came of asking.

    Attributes
    ----------
    sentences : int
        Sentences with a second opinion.
    agreed : int
        Those of which the lexicon and the opinion are of one mind.
    open : tuple of SecondOpinion
        Those that wait for a person.
    decided : int
        Those that a person decided.
    unscored : mapping of str to int
        Sentences without an answer, by outcome.
    """

    sentences: int
    agreed: int
    open: tuple[SecondOpinion, ...]
    decided: int
    unscored: Mapping[str, int]


def sentences_of(sessions: Sessions, videos: Iterable[str]) -> list[str]:
    """List the different sentences of videos whose kind is not given by the data set's flag."""
    said = (
        utterance.text
        for video in videos
        for utterance in sessions.by_id[video].utterances
        if not utterance.is_transition
    )
    return list(dict.fromkeys(said))


def model_opinions(
    sentences: Sequence[str], asker: Asker
) -> Iterator[tuple[str, SecondOpinion | None]]:
    """Ask a language model for the kind of each sentence.

    Yields the outcome of each answer, and the opinion where it was ``answered``.
    """
    prompt = load_model_prompt(PROMPT)
    requests = (
        prompt.request(str(number), {"sentence": text}, SAMPLING)
        for number, text in enumerate(sentences)
    )
    for text, answer in zip(sentences, asker.ask(requests), strict=True):
        opinion = None
        if answer.outcome == "answered":
            name = " ".join(answer.model.split()) or "unnamed"
            by = f"model {name}, {PROMPT} v{prompt.version}"
            opinion = _opinion(text, answer.value["kind"], MODEL_CONFIDENCE, by)
        yield answer.outcome, opinion


def neighbour_opinions(
    sentences: Sequence[str], encoder: SentenceEncoder
) -> Iterator[tuple[str, SecondOpinion | None]]:
    """Let the nearest of the shipped examples vote on each sentence; every one is answered."""
    examples = kind_examples()
    by = f"neighbours {encoder.name}, kind_examples v{examples.version}"
    votes = NeighbourVote(examples.sentences, encoder).votes(sentences)
    for text, vote in zip(sentences, votes, strict=True):
        yield "answered", _opinion(text, vote.kind, round(vote.share, 4), by)


def write_opinions(
    path: Path, asked: Iterable[tuple[str, SecondOpinion | None]]
) -> OpinionSummary:
    """Write opinions as a table that people complete; what they decided before is kept.

    Parameters
    ----------
    path : Path
        A table that exists already is read first: its sentences keep their decisions, and those
        that are not asked again stay in it.
    asked : iterable
        Outcome and opinion, as `model_opinions` yields them. Where the budget ends it, what was
        answered until then is written, and the error is raised.

    Raises
    ------
    DataError
        The table that is there is none.
    """
    known = read_opinions(path) if path.exists() else {}
    outcomes: Counter[str] = Counter()
    try:
        for outcome, opinion in asked:
            outcomes[outcome] += 1
            if opinion is not None:
                before = known.get(opinion.sentence, opinion)
                known[opinion.sentence] = replace(
                    opinion, decided=before.decided, decided_by=before.decided_by
                )
    finally:
        write_text_atomic(path, opinions_text(known.values()))
    rows = list(known.values())
    return OpinionSummary(
        sentences=len(rows),
        agreed=sum(one.lexicon == one.opinion for one in rows),
        open=tuple(one for one in rows if one.is_open),
        decided=sum(bool(one.decided) for one in rows),
        unscored={name: n for name, n in sorted(outcomes.items()) if name != "answered"},
    )


def _opinion(text: str, kind: str, confidence: float, by: str) -> SecondOpinion:
    own = kind_of(text, is_transition=False)
    return SecondOpinion(text, own.name, own.confidence, kind, confidence, by)
