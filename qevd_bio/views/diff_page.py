"""One self-contained page: old and new sentences with the measurements behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.templates import content_digest, render
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.views.curve_drawing import COLOURS, STYLES
from qevd_bio.views.diff_items import (
    DiffItem,
    Evidence,
    diff_item,
    is_changed,
    read_evidence,
    still_bytes,
)
from qevd_bio.views.item_source import ItemSource, Row
from qevd_bio.views.work_items import work_items

FEW_ITEMS = 250
_COLUMNS = (
    "video_id", "feedback_index", "feedback_original", "feedback", "status", "kind", "exercise",
    "exercise_text",
)  # fmt: skip
_FILTERS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("changed", lambda row: "changed" if is_changed(row) else "same"),
    ("status", lambda row: str(row["status"])),
    ("exercise", lambda row: str(row["exercise_text"] or row["exercise"] or "none")),
    ("kind", lambda row: str(row["kind"])),
)


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value that can be hidden: the class of its sentences, its words, how many there are."""

    name: str
    words: str
    count: int
    is_shown: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """A sentence with the classes by which it is hidden."""

    item: DiffItem
    classes: str


def write_diff_page(pipeline: Pipeline, path: Path) -> None:
    """Write the page of a work folder.

    Raises
    ------
    UsageError, DataError
        The path lies in the source data, no video is finished, or an artifact cannot be read.
    """
    outside_of_source(path, pipeline.config.data_root)
    source = work_items(pipeline)
    rows = sorted(source.rows(_COLUMNS), key=_place)
    write_text_atomic(path, diff_page(rows, all_evidence(source, rows)))


def all_evidence(source: ItemSource, rows: Sequence[Row]) -> Iterator[Evidence]:
    """Read what is behind sentences, one after the other.

    All get a picture where there are few of them, else those that were changed.
    """
    changed = [row for row in rows if is_changed(row)]
    pictured = rows if len(rows) <= FEW_ITEMS else changed
    most_bytes, places = still_bytes(len(pictured)), {_place(row) for row in pictured}
    for row in rows:
        video, index = _place(row)
        has_still = (video, index) in places
        yield read_evidence(source, source.row(video, index), most_bytes if has_still else 0)


def diff_page(rows: Sequence[Row], found: Iterable[Evidence], *, title: str | None = None) -> str:
    """Fill the page.

    Parameters
    ----------
    rows : sequence of mapping
        Annotation rows of all sentences, for the filters and counts.
    found : iterable of Evidence
        The same sentences in the order of the page; taken one by one.
    title : str, optional
        Heading of the page; else how many sentences were changed.

    Returns
    -------
    str
        HTML that needs no other file and no script. It follows the reader's light or dark
        theme, and prints what is shown.
    """
    filters = {name: _choices(name, map(value, rows), rows) for name, value in _FILTERS}
    rewritten = sum(row["status"] == "rewritten" for row in rows)
    return render(
        "qevd_bio.views",
        "diff_page.html",
        title=title or f"{rewritten} of {len(rows)} sentences changed",
        total=len(rows),
        changed=sum(map(is_changed, rows)),
        filters=filters,
        entries=(_Entry(diff_item(one), _classes(one.row, filters)) for one in found),
        colours=COLOURS,
        styles=STYLES,
        digest=content_digest,
    )


def _place(row: Row) -> tuple[str, int]:
    return row["video_id"], row["feedback_index"]


def _choices(name: str, values: Iterable[str], rows: Sequence[Row]) -> dict[str, FilterChoice]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    some_changed = any(map(is_changed, rows))
    return {
        value: FilterChoice(
            name=f"{name}-{number}",
            words=value,
            count=counts[value],
            is_shown=not (some_changed and name == "changed" and value == "same"),
        )
        for number, value in enumerate(sorted(counts))
    }


def _classes(row: Row, filters: dict[str, dict[str, FilterChoice]]) -> str:
    return " ".join(filters[name][value(row)].name for name, value in _FILTERS)
