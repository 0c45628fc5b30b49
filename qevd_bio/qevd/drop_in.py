"""The drop-in feedbacks_long_range.json: the source with new texts on the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.record import Record
from qevd_bio.qevd.texts import is_unicode, loader_text
from qevd_bio.qevd.utterances import Utterance, utterances

Replacements = Mapping[str, Mapping[int, str]]


def touching_pairs(record: Record) -> tuple[tuple[Utterance, Utterance], ...]:
    """Find neighbouring utterances without silence between them, with texts that differ."""
    return tuple(
        (first, second)
        for first, second in pairwise(utterances(record))
        if first.frame_end == second.frame_start
        and loader_text(first.text) != loader_text(second.text)
    )


def merging_pairs(record: Record, texts: Mapping[int, str]) -> tuple[tuple[int, int], ...]:
    """Find neighbouring utterances that new texts would turn into one.

    Parameters
    ----------
    record : Record
        The record the texts are meant for.
    texts : mapping of int to str
        New text by utterance index.

    Returns
    -------
    tuple of (int, int)
        Indices of utterances without silence between them that differ in the source and
        would not differ for the original loader.
    """

    def new(one: Utterance) -> str:
        return loader_text(texts.get(one.index, one.text))

    return tuple(
        (first.index, second.index)
        for first, second in touching_pairs(record)
        if new(first) == new(second)
    )


def drop_in_records(
    source: Sequence[JsonValue], records: Sequence[Record], replacements: Replacements
) -> list[JsonValue]:
    """Replace texts in the records of one split.

    Parameters
    ----------
    source : sequence
        The split's file as `read_source` gives it.
    records : sequence of Record
        The loaded records of that split.
    replacements : mapping of str to mapping of int to str
        New text by unit id and utterance index.

    Returns
    -------
    list
        As many entries as `source`, in its order; rejected records stay as they are. Only
        the texts on the frames of replaced utterances differ.

    Raises
    ------
    DataError
        A video or utterance is unknown, a new text is empty or no valid Unicode, a
        transition would change, two utterances would merge, or the file has changed since
        the records were loaded.
    """
    by_id = {record.unit_id: record for record in records}
    written = list(source)
    for unit_id, texts in replacements.items():
        if unit_id not in by_id:
            raise _bad("has new texts but no record", unit_id, "Load the records of its split")
        record = by_id[unit_id]
        if record.index >= len(source) or sha256_json(source[record.index]) != record.digest:
            raise _bad("record is not the one loaded", unit_id, "Load the records again")
        written[record.index] = _rewritten(source[record.index], record, texts)
    return written


def _rewritten(raw: JsonValue, record: Record, texts: Mapping[int, str]) -> JsonValue:
    if not isinstance(raw, dict):
        raise TypeError("a loaded record is an object")
    original = utterances(record)
    per_frame = list(record.feedbacks)
    for index, text in texts.items():
        if not 0 <= index < len(original):
            raise _bad(f"has no utterance {index}", record.unit_id, "Count from 0 in frame order")
        _check(text, original[index], record.unit_id)
        start, end = original[index].frame_start, original[index].frame_end
        per_frame[start:end] = [text] * (end - start)
    for first, second in merging_pairs(record, texts):
        raise _bad(
            f"utterances {first} and {second} touch and would become one",
            record.unit_id,
            "Keep the original text of one of them",
        )
    return {**raw, "feedbacks": per_frame}


def _check(text: str, utterance: Utterance, unit_id: str) -> None:
    if utterance.is_transition and text != utterance.text:
        cause = "is a transition, which names the exercise"
    elif not text.strip():
        cause = "would lose its text"
    elif not is_unicode(text):
        cause = "would get a text that is no valid Unicode"
    else:
        return
    raise _bad(f"utterance {utterance.index} {cause}", unit_id, "Keep its original text")


def _bad(cause: str, unit_id: str, next_step: str) -> DataError:
    return DataError(cause, where=f"video {unit_id}", next_step=next_step)
