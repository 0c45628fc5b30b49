"""Kinds of sentences by the lexicon, by a vote of examples, and by both, on sentences not seen.

Run ``python -m benchmarks.kinds DATA ENCODER`` where DATA holds ``qevd_sentences.tsv`` and ENCODER
is a sentence-transformers folder. ``--endpoint URL --model NAME --answers FILE`` asks a language
model about the first sentences of each kind of batch 9 instead. It prints the tables of
``RESULTS-kinds.md``.

Notes
-----
The sentences of QEVD are divided by the digest of the sentence. The lexicon's author knew all of
them, so on them only the vote is measured on sentences it has not seen; batch 8 is new to both,
and so is batch 9 (``fresh_sentences.tsv``).
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.sentences import GOLDEN, KINDS, Row, macro_f1, read_rows
from qevd_bio.annotate.kind_examples import KindExample, kind_examples
from qevd_bio.annotate.neighbour_vote import NeighbourVote
from qevd_bio.annotate.second_opinions import model_opinions, neighbour_opinions
from qevd_bio.annotate.sentence_encoder import SentenceEncoder, load_encoder
from qevd_bio.feedback.kinds import kind_of
from qevd_bio.feedback.second_opinions import SecondOpinion, decided_kind
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.client import Client
from qevd_bio.llm.endpoint import Endpoint

Pairs = list[tuple[str, str]]


def half_of(sentence: str) -> int:
    """Put a sentence into half 0 (looked at) or 1 (looked at once), by its digest."""
    return hashlib.sha256(sentence.casefold().encode()).digest()[0] % 2


def print_scores(name: str, rows: Sequence[Row], opinions: Iterable[SecondOpinion]) -> None:
    """Print a line a judge: the lexicon, the second judge, and who decides with both."""
    given = {one.sentence: one for one in opinions}
    judges: dict[str, Pairs] = {"lexicon": [], "second": [], "decided": []}
    for row in rows:
        text, true = row["sentence"], row["kind"]
        judges["lexicon"].append((true, kind_of(text, is_transition=False).name))
        judges["second"].append((true, given[text].opinion if text in given else "none"))
        judges["decided"].append(
            (true, decided_kind(text, is_transition=False, opinions=given).name)
        )
    for judge, pairs in judges.items():
        mean, each = macro_f1(pairs)
        right = sum(true == found for true, found in pairs) / len(pairs)
        cells = " | ".join(f"{each[kind][0]:.2f}" if kind in each else "" for kind in KINDS)
        print(f"| {name} | {len(pairs)} | {judge} | {mean:.3f} | {right:.3f} | {cells} |")
    agreed = [row for row in rows if given.get(row["sentence"]) and _agree(given[row["sentence"]])]
    hits = sum(row["kind"] == given[row["sentence"]].opinion for row in agreed)
    print(f"\n{name}: the two agree on {len(agreed)} of {len(rows)}, {hits} of these are right\n")


def _agree(one: SecondOpinion) -> bool:
    return one.lexicon == one.opinion


def print_left_out(encoder: SentenceEncoder) -> None:
    """Print the vote on each batch of the examples by the examples of the others."""
    examples = kind_examples().sentences
    print("| batch left out | n | macro-F1 | right |\n|---|---|---|---|")
    for batch in sorted({one.batch for one in examples}):
        own = [one for one in examples if one.batch == batch]
        others = [one for one in examples if one.batch != batch]
        pairs = _voted(own, others, encoder)
        right = sum(true == found for true, found in pairs) / len(pairs)
        print(f"| {batch} | {len(pairs)} | {macro_f1(pairs)[0]:.3f} | {right:.3f} |")


def _voted(
    own: Sequence[KindExample], others: Sequence[KindExample], encoder: SentenceEncoder
) -> Pairs:
    votes = NeighbourVote(others, encoder).votes([one.sentence for one in own])
    return [(one.kind, vote.kind) for one, vote in zip(own, votes, strict=True)]


def print_model(endpoint: Endpoint, answers: Path, per_kind: int) -> None:
    """Print what a language model, the lexicon and both make of fresh sentences."""
    fresh = read_rows(GOLDEN / "fresh_sentences.tsv")
    rows = [
        row for kind in KINDS for row in [r for r in fresh if r["kind"] == kind][:per_kind]
    ]  # fmt: skip
    with AnswerFile(answers) as file, Client(endpoint, file) as client:
        asked = list(model_opinions([row["sentence"] for row in rows], client))
        print(f"structured output: {client.structured_mode()}")
    print(f"outcomes: {dict(Counter(outcome for outcome, _ in asked))}")
    given = Counter(one.opinion for _, one in asked if one is not None)
    print(f"answers: {dict(given)}")
    _print_head()
    print_scores("batch 9", rows, [one for _, one in asked if one is not None])


def _print_head() -> None:
    print(f"\n| sentences | n | judge | macro-F1 | right | {' | '.join(KINDS)} |")
    print("|---" * (5 + len(KINDS)) + "|")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), default=0, help="of QEVD's sentences")
    parser.add_argument("--endpoint", help="URL of a language model's server")
    parser.add_argument("--model", default="")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--per-kind", type=int, default=6)
    given = parser.parse_args()
    if given.endpoint:
        endpoint = Endpoint(given.endpoint, given.model, concurrency=1, timeout_s=600.0)
        print_model(endpoint, given.answers, given.per_kind)
        return
    encoder = load_encoder(given.encoder)
    print_left_out(encoder)
    qevd = [r for r in read_rows(given.data / "qevd_sentences.tsv") if r["kind"] in KINDS]
    groups = {
        f"QEVD, half {given.half}": [r for r in qevd if half_of(r["sentence"]) == given.half],
        "batch 8": read_rows(GOLDEN / "written_sentences.tsv"),
        "batch 9": read_rows(GOLDEN / "fresh_sentences.tsv"),
    }
    _print_head()
    for name, rows in groups.items():
        opinions = neighbour_opinions([row["sentence"] for row in rows], encoder)
        print_scores(name, rows, [one for _, one in opinions if one is not None])


if __name__ == "__main__":
    main()
