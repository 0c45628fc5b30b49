"""Second opinions about kinds: who decides, and the table that people complete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.feedback.kinds import kind_of
from qevd_bio.feedback.second_opinions import (
    COLUMNS,
    DOUBTFUL,
    KINDS,
    SecondOpinion,
    decided_kind,
    opinions_text,
    read_opinions,
)

SURE, UNKNOWN = "Lower your hips", "Zorb the flumph"
VOTE = "neighbours tiny 0123, kind_examples v1"


def opinion(sentence: str, kind: str = "counting", **more: str) -> dict[str, SecondOpinion]:
    own = kind_of(sentence, is_transition=False)
    one = SecondOpinion(sentence, own.name, own.confidence, kind, 0.7, VOTE, **more)
    return {sentence: one}


def decided(sentence: str, opinions: dict[str, SecondOpinion], *, flag: bool = False):
    kind = decided_kind(sentence, is_transition=flag, opinions=opinions)
    return kind.name, kind.confidence, kind.source


def test_the_lexicon_decides_where_it_is_sure_and_the_opinion_where_it_is_not() -> None:
    assert kind_of(SURE, is_transition=False).confidence > DOUBTFUL
    assert kind_of(UNKNOWN, is_transition=False).confidence <= DOUBTFUL
    assert decided(SURE, opinion(SURE))[0] == "corrective"
    assert decided(SURE, opinion(SURE))[2].startswith("rules/lexicon")
    assert decided(UNKNOWN, opinion(UNKNOWN)) == ("counting", 0.7, VOTE)


def test_an_opinion_that_agrees_changes_nothing() -> None:
    own = kind_of(UNKNOWN, is_transition=False)
    found = decided(UNKNOWN, opinion(UNKNOWN, own.name))
    assert found == (own.name, own.confidence, own.source)


def test_a_person_goes_before_both_and_the_flag_before_a_person() -> None:
    judged = opinion(SURE, decided="motivational", decided_by="anna")
    assert decided(SURE, judged) == ("motivational", 1.0, "person anna")
    assert decided(SURE, judged, flag=True)[2] == "is_transition flag"


def test_without_an_opinion_nothing_changes() -> None:
    for text in (SURE, UNKNOWN):
        assert decided_kind(text, is_transition=False, opinions={}) == kind_of(
            text, is_transition=False
        )


texts = st.text(min_size=1).filter(lambda text: "\x00" not in text)
shares = st.floats(0.0, 1.0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(texts, st.tuples(st.sampled_from(KINDS), shares), max_size=5))
@example({"\r": ("other", 0.5), 'a "b",\n': ("other", 0.5)})
def test_any_sentences_come_back_from_the_table(tmp_path: Path, said) -> None:
    path = tmp_path / "kinds.csv"
    due = {
        text: SecondOpinion(text, "other", 0.2, kind, share, VOTE)
        for text, (kind, share) in said.items()
    }
    try:
        path.write_bytes(opinions_text(due.values()).encode("utf-8"))
    except UnicodeEncodeError:
        return
    assert read_opinions(path) == due


def test_what_waits_for_a_person_comes_first(tmp_path: Path) -> None:
    agreed = SecondOpinion("c", "other", 0.2, "other", 0.9, VOTE)
    judged = SecondOpinion("d", "other", 0.2, "counting", 0.9, VOTE, "other", "anna")
    sure = SecondOpinion("a", "corrective", 0.9, "counting", 0.9, VOTE)
    unsure = SecondOpinion("b", "corrective", 0.3, "counting", 0.9, VOTE)
    lines = opinions_text([agreed, judged, sure, unsure]).splitlines()
    assert [line[1] for line in lines[1:]] == ["b", "a", "c", "d"]


GOOD = SecondOpinion("Go", "other", 0.2, "transition", 0.9, VOTE)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "columns are not"),
        ("sentence,kind\nGo,other\n", "columns are not"),
        (opinions_text([replace(GOOD, opinion="yoga")]), "row 2: opinion is 'yoga'"),
        (opinions_text([replace(GOOD, lexicon="")]), "row 2: lexicon is ''"),
        (opinions_text([replace(GOOD, decided="other")]), "come together"),
        (opinions_text([replace(GOOD, decided_by="anna")]), "come together"),
        (opinions_text([replace(GOOD, confidence=1.5)]), "confidence is 1.5, not from 0 to 1"),
        (opinions_text([replace(GOOD, confidence=float("nan"))]), "confidence is nan"),
        (opinions_text([GOOD, GOOD]), "row 3: 'Go' comes a second time"),
        (",".join(COLUMNS) + "\nGo,other,0.2\n", "row 2: has 3 columns, not 8"),
        (",".join(COLUMNS) + '\n"Go', "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_row(
    text: str, cause: str, tmp_path: Path
) -> None:
    path = tmp_path / "kinds.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_opinions(path)
    assert cause in str(caught.value) and str(path) in str(caught.value)


def test_a_spreadsheet_s_byte_order_mark_and_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "kinds.csv"
    path.write_bytes(b"\xef\xbb\xbf" + opinions_text([GOOD]).replace("\n", "\r\n").encode())
    assert read_opinions(path) == {"Go": GOOD}
