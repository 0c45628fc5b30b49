"""ROUGE-L: how much of two texts is one common sequence of words.

F of precision and recall of the longest common subsequence, without stems, on lower-case letters
and digits: what rouge-score 0.1.2 computes with ``use_stemmer=False``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OTHER = re.compile(r"[^a-z0-9]+")


def rouge_l(true: str, predicted: str) -> float:
    """Compare two texts: from 0, also where one has no word, to 1."""
    one, other = _words(true), _words(predicted)
    common = _common(one, other)
    return 2.0 * common / (len(one) + len(other)) if common else 0.0


def _words(text: str) -> list[str]:
    return _OTHER.sub(" ", text.lower()).split()


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the words of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = row
        row = [0]
        for place, its in enumerate(other):
            longest = before[place] + 1 if word == its else max(before[place + 1], row[place])
            row.append(longest)
    return row[-1]
