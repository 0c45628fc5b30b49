"""Kinds and cues of sentences against judgement by hand: scores, and what held-out folds lose.

Run ``python -m benchmarks.sentences DATA`` where DATA holds ``qevd_sentences.tsv`` and
``egoexo_fitness/comments.tsv``.

Notes
-----
A lexicon is written, not fitted, so nothing can be refitted without a fold. The folds here are
held out by ablation: every word of the open word lists that a held-out sentence contains and no
other labelled sentence does is taken out, and so is every pattern that matches a held-out
sentence and no other. What is left has a witness elsewhere. The score then shows how far a
sentence is recognised by entries that others need as well. It does not show the score of a
sentence that the author never read: the form of a pattern and the order of patterns stay.
"""

from __future__ import annotations

import argparse
import collections
import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qevd_bio.annotate.kind_examples import kind_examples
from qevd_bio.exercises.load import load_rules
from qevd_bio.feedback.clauses import clauses, folded
from qevd_bio.feedback.cues import Cue, cues_of
from qevd_bio.feedback.kinds import kind_of, read_lexicon
from qevd_bio.feedback.prompt_files import load_prompt

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "feedback"
KINDS = (
    "corrective",
    "instructional",
    "motivational",
    "counting",
    "transition",
    "informational",
    "other",
)
GROUPS_WITHOUT_RULE = {
    "bridge": "bridge",
    "sit_up": "situp",
    "push": "pushup",
    "squat": "squat",
    "lunge": "lunge",
    "plank": "plank",
    "jack": "jack",
}
"""Cue groups of exercises that no rule describes, by pieces of their names."""
_NOWHERE = "\ufffc"
Row = dict[str, str]


def read_rows(file: Path) -> list[Row]:
    """Read a table of sentences; tabs part columns, quotes are letters."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def written_rows() -> list[Row]:
    """List the sentences written for this project, batches 1 to 8."""
    examples = [
        {name: str(value) for name, value in asdict(one).items()}
        for one in kind_examples().sentences
    ]
    return examples + read_rows(GOLDEN / "written_sentences.tsv")


def macro_f1(pairs: Iterable[tuple[str, str]]) -> tuple[float, dict[str, tuple[float, int]]]:
    """Score (true, predicted) pairs: the mean F1 of the true kinds, and F1 and count of each."""
    pairs = list(pairs)
    scores = {}
    for name in KINDS:
        count = sum(true == name for true, _ in pairs)
        hits = sum(true == predicted == name for true, predicted in pairs)
        wrong = sum((true == name) != (predicted == name) for true, predicted in pairs)
        if count:
            scores[name] = (2 * hits / (2 * hits + wrong), count)
    return sum(f1 for f1, _ in scores.values()) / len(scores), scores


def without_own_entries(held_out: Sequence[str], others: Sequence[str]) -> Any:
    """Take out of the lexicon what only the held-out sentences support.

    Parameters
    ----------
    held_out, others : sequence of str
        Sentences.

    Returns
    -------
    dict
        The content of a lexicon. Lists that enumerate a closed class (numbers, parts of the
        body, exercises) stay whole.
    """
    raw = load_prompt("kinds.lexicon.json")
    own, other = " \n ".join(map(folded, held_out)), " \n ".join(map(folded, others))

    def stays(word: str) -> bool:
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        return whole.search(own) is None or whole.search(other) is not None

    words = {
        name: entries
        if name in raw["closed_lists"]
        else [word for word in entries if stays(word)] or [_NOWHERE]
        for name, entries in raw["words"].items()
    }
    full = read_lexicon(raw)
    own_clauses = [clause for text in held_out for clause in clauses(text)]
    other_clauses = [clause for text in others for clause in clauses(text)]
    patterns = [
        entry
        for entry, pattern in zip(raw["patterns"], full.patterns, strict=True)
        if not any(map(pattern.regex.search, own_clauses))
        or any(map(pattern.regex.search, other_clauses))
    ]
    return {**raw, "words": words, "patterns": patterns}


def held_out_pairs(
    rows: Sequence[Row], fold_of: Callable[[int], object], more: Sequence[str]
) -> list[tuple[str, str]]:
    """Score each fold with the lexicon that is left without its own entries.

    `more` are sentences beside the rows that may bear witness to an entry.
    """
    pairs: list[tuple[str, str]] = []
    for fold in sorted({fold_of(i) for i in range(len(rows))}, key=str):
        inside = [row for i, row in enumerate(rows) if fold_of(i) == fold]
        outside = [row["sentence"] for i, row in enumerate(rows) if fold_of(i) != fold]
        outside += more
        texts = [row["sentence"] for row in inside]
        lexicon = read_lexicon(without_own_entries(texts, outside))
        pairs += [
            (row["kind"], kind_of(row["sentence"], is_transition=False, lexicon=lexicon).name)
            for row in inside
        ]
    return pairs


def judged_cues(rows: Sequence[Row]) -> tuple[int, int, int]:
    """Count right, wrong and missed cues; first measure, direction and side must agree."""
    right = wrong = missed = 0
    for row in rows:
        expected = [_expected(words) for words in row["cues"].split(" | ") if words]
        cues = cues_of(row["text"], groups=_groups(row["exercise"]))
        found = [cue for cue in cues if cue.measures]
        hits = [cue for cue in found if any(_agree(cue, one) for one in expected)]
        right += len(hits)
        wrong += len(found) - len(hits)
        missed += sum(not any(_agree(cue, one) for cue in found) for one in expected)
    return right, wrong, missed


def _groups(exercise: str) -> Sequence[str]:
    rule = load_rules().get(exercise)
    if rule is not None:
        return rule.cue_groups
    return [group for piece, group in GROUPS_WITHOUT_RULE.items() if piece in exercise]


def _expected(words: str) -> tuple[list[str], str | None, str | None]:
    measures, direction, *side = words.split(":")
    return measures.split("/"), None if direction == "-" else direction, side[0] if side else None


def _agree(cue: Cue, expected: tuple[list[str], str | None, str | None]) -> bool:
    measures, direction, side = expected
    return cue.measures[0] in measures and (cue.direction, cue.side) == (direction, side)


def _predicted(row: Row) -> str:
    return kind_of(row["sentence"], is_transition=False).name


def _print_score(name: str, pairs: Sequence[tuple[str, str]]) -> None:
    score, kinds = macro_f1(pairs)
    right = sum(true == predicted for true, predicted in pairs) / len(pairs)
    detail = ", ".join(f"{kind} {f1:.2f} ({count})" for kind, (f1, count) in kinds.items())
    print(f"| {name} | {len(pairs)} | {score:.3f} | {right:.3f} | {detail} |")


def _print_labelled(rows: Sequence[Row], written: Sequence[str]) -> None:
    print("| sentences | n | macro-F1 | right | F1 (n) of each kind |\n|---|---|---|---|---|")
    whole = [row for row in rows if not row["fidelity"].startswith("fragment")]
    _print_score("labelled, whole", [(row["kind"], _predicted(row)) for row in whole])
    pieces = [row for row in rows if row["fidelity"].startswith("fragment")]
    _print_score("labelled, fragments", [(row["kind"], _predicted(row)) for row in pieces])
    splits: dict[str, Callable[[int], object]] = {
        "sentence": lambda i: i,
        "source": lambda i: rows[i]["source"],
    }
    for witnesses, more in {"labelled": [], "labelled or written": written}.items():
        for split, fold_of in splits.items():
            pairs = held_out_pairs(rows, fold_of, more)
            whole_pairs = [
                pair
                for pair, row in zip(pairs, _by_fold(rows, fold_of), strict=True)
                if not row["fidelity"].startswith("fragment")
            ]
            _print_score(f"whole, held out by {split}, witnesses {witnesses}", whole_pairs)


def _by_fold(rows: Sequence[Row], fold_of: Callable[[int], object]) -> list[Row]:
    folds = sorted({fold_of(i) for i in range(len(rows))}, key=str)
    return [row for fold in folds for i, row in enumerate(rows) if fold_of(i) == fold]


def main() -> None:
    """Print the tables of ``RESULTS-language.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    labelled = [r for r in read_rows(data / "qevd_sentences.tsv") if r["kind"] in KINDS]
    written = written_rows()
    _print_labelled(labelled, [row["sentence"] for row in written])
    for batch in sorted({row["batch"] for row in written}):
        rows = [row for row in written if row["batch"] == batch]
        _print_score(f"written, batch {batch}", [(row["kind"], _predicted(row)) for row in rows])
    comments = read_rows(data / "egoexo_fitness" / "comments.tsv")
    _print_comments(comments)
    _print_cues(labelled, written, comments)


def _print_comments(comments: Sequence[Row]) -> None:
    print("\n| comments | n | corrective | motivational | informational | other kinds |")
    print("|---|---|---|---|---|---|")
    groups = {
        "an instruction marked false": [r for r in comments if r["keypoints_marked_false"]],
        "none false, quality below 5": [
            r for r in comments if not r["keypoints_marked_false"] and r["quality_1to5"] != "5"
        ],
        "none false, quality 5": [
            r for r in comments if not r["keypoints_marked_false"] and r["quality_1to5"] == "5"
        ],
    }
    for name, rows in groups.items():
        kinds = collections.Counter(kind_of(r["comment"], is_transition=False).name for r in rows)
        three = [kinds[kind] for kind in ("corrective", "motivational", "informational")]
        shares = " | ".join(f"{n / len(rows):.3f}" for n in (*three, len(rows) - sum(three)))
        print(f"| {name} | {len(rows)} | {shares} |")


def _print_cues(labelled: Sequence[Row], written: Sequence[Row], comments: Sequence[Row]) -> None:
    corrective = [
        row for row in comments if kind_of(row["comment"], is_transition=False).name == KINDS[0]
    ]
    groups = {
        "labelled, whole": [
            (row["sentence"], "squat")
            for row in labelled
            if row["kind"] == KINDS[0] and not row["fidelity"].startswith("fragment")
        ],
        "labelled, fragments": [
            (row["sentence"], "squat")
            for row in labelled
            if row["kind"] == KINDS[0] and row["fidelity"].startswith("fragment")
        ],
        "written": [
            (row["sentence"], row["exercise"] or "squat")
            for row in written
            if row["kind"] == KINDS[0]
        ],
        "comments": [(row["comment"], _rule_of(row["action"])) for row in corrective],
    }
    print("\n| corrective | n | with a measure | recognised, nothing measures it | unread |")
    print("|---|---|---|---|---|")
    for name, texts in groups.items():
        cues = [cues_of(text, groups=_groups(exercise or "")) for text, exercise in texts]
        measured = sum(any(cue.measures for cue in found) for found in cues)
        unread = sum(not found for found in cues)
        shares = (measured, len(cues) - measured - unread, unread)
        cells = " | ".join(f"{n / len(cues):.2f}" for n in shares)
        print(f"| {name} | {len(cues)} | {cells} |")
    print("\n| judged cues | right | wrong | missed | precision | recall |")
    print("|---|---|---|---|---|---|")
    judged = read_rows(GOLDEN / "judged_cues.tsv")
    for source in dict.fromkeys(row["source"] for row in judged):
        right, wrong, missed = judged_cues([row for row in judged if row["source"] == source])
        print(
            f"| {source} | {right} | {wrong} | {missed} | {right / (right + wrong):.2f} "
            f"| {right / (right + missed):.2f} |"
        )


def _rule_of(action: str) -> str:
    name = action.casefold().replace("-", " ").replace(" ", "_")
    return name.replace("pushing_ups", "pushup").replace("push_ups", "pushup").rstrip("s")


if __name__ == "__main__":
    main()
