from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.views.word_diff import Piece, word_diff

same, deleted, inserted = (
    lambda text, change=change: Piece(change, text) for change in ("same", "deleted", "inserted")
)


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("Nice!", "Nice!", [same("Nice!")]),
        ("Go lower", "Go lower now", [same("Go lower"), inserted(" now")]),
        (
            "Bend your knees!",
            "Bend your knees to 90.5°!",
            [same("Bend your knees"), inserted(" to 90.5°"), same("!")],
        ),
        (
            "Keep your back flat",
            "Keep your hips low",
            [same("Keep your"), deleted(" back flat"), inserted(" hips low")],
        ),
        ("", "Breathe", [inserted("Breathe")]),
        ("Breathe", "", [deleted("Breathe")]),
        ("", "", []),
        ("push-ups don't", "push-downs don't", None),
    ],
    ids=["equal", "added", "number", "replaced", "from empty", "to empty", "empty", "inner marks"],
)
def test_changes_are_whole_words(old: str, new: str, pieces: list[Piece] | None) -> None:
    expected = pieces or (
        [deleted("push-ups"), inserted("push-downs"), same(" don't")] if old else []
    )
    assert list(word_diff(old, new)) == expected


@given(st.text("ab ,.-!\n°1", max_size=40), st.text("ab ,.-!\n°1", max_size=40))
def test_both_sentences_can_be_read_back(old: str, new: str) -> None:
    pieces = word_diff(old, new)
    assert "".join(piece.text for piece in pieces if piece.change != "inserted") == old
    assert "".join(piece.text for piece in pieces if piece.change != "deleted") == new


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_script_can_be_read_back(old: str, new: str) -> None:
    pieces = word_diff(old, new)
    assert "".join(piece.text for piece in pieces if piece.change != "inserted") == old
    assert "".join(piece.text for piece in pieces if piece.change != "deleted") == new
