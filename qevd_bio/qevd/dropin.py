"""The drop-in feedbacks_long_range.json: the source with new words on the same frames."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.layout import SplitFolder
from qevd_bio.qevd.record import Record
from qevd_bio.qevd.records import read_source
from qevd_bio.qevd.texts import is_unicode, loader_text
from qevd_bio.qevd.utterances import Utterance, utterances

Replacements = Mapping[str, Mapping[int, str]]


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
    said = utterances(record)
    new = [texts.get(one.index, one.text) for one in said]
    return tuple(
        (first.index, second.index)
        for first, second in pairwise(said)
        if first.frame_end == second.frame_start
        and loader_text(first.text) != loader_text(second.text)
        and loader_text(new[first.index]) == loader_text(new[second.index])
    )


def drop_in_records(
    source: Sequence[JsonValue], records: Sequence[Record], replacements: Replacements
) -> list[JsonValue]:
    """Put new texts into the records of one split.

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
        As many entries as `source`, in its order; rejected records are passed on. Only the
        texts on the frames of replaced utterances differ.

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


def write_drop_in(
    split: SplitFolder, records: Sequence[Record], replacements: Replacements, target: Path
) -> None:
    """Write the drop-in file of one split.

    Parameters
    ----------
    split : SplitFolder
        Where the source lies.
    records : sequence of Record
        All loaded records.
    replacements : mapping of str to mapping of int to str
        New text by unit id and utterance index; those of the other split are left out.
    target : Path
        Where to write.

    Raises
    ------
    DataError
        As `drop_in_records`.

    Notes
    -----
    ASCII with escapes, so that it reads the same under every locale. Numbers are written in
    the shortest form that reads back to the same float.
    """
    elsewhere = {record.unit_id for record in records if record.split != split.split}
    own = {unit_id: new for unit_id, new in replacements.items() if unit_id not in elsewhere}
    written = drop_in_records(read_source(split.records_file), records, own)
    write_text_atomic(target, json.dumps(written) + "\n")


def _rewritten(raw: JsonValue, record: Record, texts: Mapping[int, str]) -> JsonValue:
    if not isinstance(raw, dict):
        raise TypeError("a loaded record is an object")
    said = utterances(record)
    dense = list(record.feedbacks)
    for index, text in texts.items():
        if not 0 <= index < len(said):
            raise _bad(f"has no utterance {index}", record.unit_id, "Count from 0 in frame order")
        _check(text, said[index], record.unit_id)
        start, end = said[index].frame_start, said[index].frame_end
        dense[start:end] = [text] * (end - start)
    for first, second in merging_pairs(record, texts):
        raise _bad(
            f"utterances {first} and {second} touch and would become one",
            record.unit_id,
            "Keep the original text of one of them",
        )
    return {**raw, "feedbacks": dense}


def _check(text: str, utterance: Utterance, unit_id: str) -> None:
    if utterance.is_transition and text != utterance.text:
        cause = "is a transition, which names the exercise"
    elif not text.strip():
        cause = "would fall silent"
    elif not is_unicode(text):
        cause = "would get a text that is no valid Unicode"
    else:
        return
    raise _bad(f"utterance {utterance.index} {cause}", unit_id, "Keep its original text")


def _bad(cause: str, unit_id: str, next_step: str) -> DataError:
    return DataError(cause, where=f"video {unit_id}", next_step=next_step)
