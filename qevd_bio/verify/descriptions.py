"""Card, Croissant description and changelog of a release, compared with its files and tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from qevd_bio import __version__
from qevd_bio.errors import DataError
from qevd_bio.files.visible_text import visible
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.release.card import card_text, loader_lines
from qevd_bio.release.card_facts import card_facts
from qevd_bio.release.changelog import changelog_text, entry_head
from qevd_bio.release.croissant import croissant
from qevd_bio.released.contents import (
    CARD_FILE,
    CHANGELOG_FILE,
    CROISSANT_FILE,
    MANIFEST_FILE,
    SPLITS,
    SUMS_FILE,
    Contents,
    MissingVideo,
    Shard,
)
from qevd_bio.released.drop_in import DROP_IN_FOLDER, TABLE_FILE
from qevd_bio.tables.loaded_size import loaded_bytes
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.files import Layout, ShardEntry
from qevd_bio.verify.tables import Tables

_CARD_LINE = re.compile(r'(?:- )?(config_name|name|num_examples): "?([^"\n]+)"?')


def check_descriptions(layout: Layout, tables: Tables) -> None:
    """Compare card, Croissant description and changelog of a release of this schema version.

    What programs read is compared to the letter: the YAML of configs and data set info, and of
    `croissant.json` files, digests, sizes and fields. The rest is compared by `check_words`.
    """
    _check_names_of_files(layout)
    _check_changelog(layout)
    contents = _contents(layout, tables)
    if contents is None:
        layout.verdict.skip("card and Croissant description: a shard is wrong")
        return
    if CARD_FILE in layout.folder.files:
        _check_card(layout, contents)
    _check_croissant(layout, contents)


def _check_names_of_files(layout: Layout) -> None:
    """Find the files that no release holds, though the sums may name them, and those it must."""
    listed = {one.where for one in layout.verdict.issues}
    for name in sorted(layout.folder.files - _known(layout) - listed):
        layout.verdict.add("extra file", name, "no release holds such a file")
    for name in (CARD_FILE, CHANGELOG_FILE, "schema/records.json"):
        if name not in layout.folder.files | listed:
            layout.verdict.add("missing file", name, "every release has one")


def _known(layout: Layout) -> set[str]:
    shards = (
        entry.path
        for splits in layout.shards.values()
        for entries in splits.values()
        for entry in entries
    )
    known = {CARD_FILE, CHANGELOG_FILE, CROISSANT_FILE, MANIFEST_FILE, SUMS_FILE, *shards}
    known |= {f"schema/{name}.json" for name in (*layout.shards, "records")}
    known |= set(layout.manifest.get("made_with", {}))
    return known | {
        f"{DROP_IN_FOLDER}/{home}/{file}"
        for home in SPLIT_FOLDERS.values()
        for file in (RECORDS_FILE, TABLE_FILE)
    }


def _contents(layout: Layout, tables: Tables) -> Contents | None:
    """Count again the numbers of the card; None where a shard cannot be read."""
    shards: dict[str, dict[str, tuple[Shard, ...]]] = {}
    # in the order of publishing, which the manifest, sorted by key, does not keep
    for config in [name for name in TABLES if name in layout.shards]:
        shards[config] = {}
        for split in [split for split in SPLITS if split in layout.shards[config]]:
            entries = layout.shards[config][split]
            if split not in tables.get(config, {}) or not all(one.rows for one in entries):
                return None
            try:
                shards[config][split] = tuple(_shard(layout, one) for one in entries)
            except (pa.ArrowException, IndexError):
                return None
    return contents_of(layout.manifest, shards)


def _lacking(
    videos: Mapping[str, Mapping[str, Any]], configs: Iterable[str]
) -> dict[str, list[str]]:
    found = {
        config: [name for name, one in sorted(videos.items()) if config not in one["artifacts"]]
        for config in configs
    }
    return {config: names for config, names in found.items() if names}


def contents_of(
    manifest: Mapping[str, Any], shards: Mapping[str, Mapping[str, tuple[Shard, ...]]]
) -> Contents:
    """Read what a card says of a release from its manifest; `shards` are counted again."""
    videos = {
        split: manifest["splits"][split]["videos"]
        for split in SPLITS
        if split in manifest["splits"]
    }
    return Contents(
        manifest["version"],
        manifest["generator"],
        shards,
        videos,
        statuses={s: manifest["statuses"][s] for s in SPLITS if s in manifest.get("statuses", {})},
        missing=tuple(MissingVideo(**one) for one in manifest.get("missing", ())),
        issues={
            video: one["source_faults"]
            for video, one in sorted(manifest["videos"].items())
            if one.get("source_faults")
        },
        lacking=_lacking(manifest["videos"], shards),
        left_out=manifest.get("left_out", {}),
        review=manifest.get("review", {}),
        concerns=dict(sorted(manifest.get("concerns", {}).items())),
    )


def _shard(layout: Layout, entry: ShardEntry) -> Shard:
    file = layout.folder.path / entry.path
    return Shard(entry.path, entry.rows, loaded_bytes(file), file.stat().st_size, sha256="")


def _check_card(layout: Layout, contents: Contents) -> None:
    front = _text(layout, CARD_FILE).removeprefix("---\n").partition("\n---\n")[0].splitlines()
    start = front.index("configs:") if "configs:" in front else len(front)
    own, expected = front[start:], loader_lines(contents)
    for place, (line, due) in enumerate(zip_longest(own, expected, fillvalue="")):
        if line != due:
            cause = f"its YAML has {line.strip()!r} where the tables ask for {due.strip()!r}"
            layout.verdict.add("described", f"{CARD_FILE} line {start + place + 2}", cause)
            return


def check_words(layout: Layout, tables: Tables) -> None:
    """Compare what people read, of a release with nothing else wrong.

    The card is written again and compared line by line; the first difference is named.
    """
    contents = _contents(layout, tables)
    if layout.manifest["generator"].get("qevd_bio") != __version__:
        layout.verdict.skip("the words of the card, which another version of qevd_bio wrote")
    elif contents is not None and contents.videos:
        _check_terms(layout, contents)
        _check_card_text(layout, contents, tables)
        _check_whole_changelog(layout, contents)


def _check_card_text(layout: Layout, contents: Contents, tables: Tables) -> None:

    def read(config: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for split in contents.shards.get(config, {}):
            for _, _, table in tables[config][split].groups(columns):
                yield from table.to_pylist()

    described: Any = layout.folder.json(CROISSANT_FILE)
    url = described.get("url") if isinstance(described, Mapping) else None
    captures = (one["kinematics"] for one in layout.manifest["videos"].values())
    try:
        facts = card_facts(read, captures)
        expected = card_text(replace(contents, url=url), facts)
    except (KeyError, TypeError, ValueError, DataError) as error:
        cause = f"cannot be written again ({error!r})"
        layout.verdict.add("described", CARD_FILE, cause[:200])
        return
    lines = zip_longest(_text(layout, CARD_FILE).split("\n"), expected.split("\n"), fillvalue="")
    for place, (line, due) in enumerate(lines, start=1):
        if line != due:
            cause = f"it says {line[:120]!r} where {due[:120]!r} follows from the release"
            layout.verdict.add("described", f"{CARD_FILE} line {place}", cause)
            return


def _check_terms(layout: Layout, contents: Contents) -> None:
    """Compare licence, authors and words of the Croissant description."""
    written: Any = layout.folder.json(CROISSANT_FILE)
    expected = json.loads(json.dumps(croissant(contents, {})))
    own = set(written) - {"datePublished", "url"} if isinstance(written, Mapping) else set()
    for key in sorted((own | set(expected)) - {"distribution", "recordSet"}):
        if key not in own or written[key] != expected.get(key):
            cause = f"{key} is not the one that this version of qevd_bio writes"
            layout.verdict.add("described", CROISSANT_FILE, cause)


def _text(layout: Layout, name: str) -> str:
    return (layout.folder.path / name).read_bytes().decode("utf-8", errors="replace")


def _check_changelog(layout: Layout) -> None:
    if CHANGELOG_FILE not in layout.folder.files:
        return
    text = _text(layout, CHANGELOG_FILE)
    head = entry_head(layout.manifest["version"])
    if not text.startswith(head):
        cause = f"does not begin with the entry of {layout.manifest['version']}"
        layout.verdict.add("described", CHANGELOG_FILE, cause)
        return
    entry = text.removeprefix(head).partition("\n## ")[0].splitlines()
    for config, splits in layout.manifest["configs"].items():
        for split, found in splits.items():
            due = f"`{config}` {split}: {found['rows']} rows"
            if not any(line == f"- {due}." or line.startswith(f"- {due} (") for line in entry):
                layout.verdict.add("described", CHANGELOG_FILE, f"does not have '{due}'")


def _check_whole_changelog(layout: Layout, contents: Contents) -> None:
    """Compare a first release's changelog to the letter; a later one has earlier entries."""
    text = _text(layout, CHANGELOG_FILE)
    if layout.manifest.get("previous_release") is None:
        if text != changelog_text(contents, {}, None):
            cause = "is not that of a first release, and the manifest names none before it"
            layout.verdict.add("described", CHANGELOG_FILE, cause)
        return
    before = layout.manifest["previous_release"]["version"]
    entries = text.removeprefix(entry_head(layout.manifest["version"]))
    if not entries.startswith(f"\n- After {visible(before)}.\n"):
        cause = f"does not continue that of {before}, which the manifest names"
        layout.verdict.add("described", CHANGELOG_FILE, cause)


def _check_croissant(layout: Layout, contents: Contents) -> None:
    written: Any = layout.folder.json(CROISSANT_FILE)
    if written is None:
        return
    files = {
        name: ((layout.folder.path / name).stat().st_size, layout.digests[name])
        for name in _known(layout) & set(layout.digests) - {CROISSANT_FILE}
    }
    expected = json.loads(json.dumps(croissant(contents, files)))
    try:
        claims = list(_claims(written))
        own, due = dict(claims), dict(_claims(expected))
    except (KeyError, TypeError, AttributeError) as error:
        layout.verdict.add("described", CROISSANT_FILE, f"has another shape ({error!r})")
        return
    if len(own) < len(claims):
        layout.verdict.add("described", CROISSANT_FILE, "names something twice")
    # what SHA256SUMS contradicts, or misses, is an issue already
    listed = (layout.folder.files | {one.where for one in layout.verdict.issues}) - set(files)
    for name in [name for name in {**due, **own} if own.get(name, ...) != due.get(name, ...)]:
        if name in listed:
            continue
        if name not in own:
            cause = f"does not name {name}"
        elif name not in due:
            cause = f"names {name}, which is not there"
        else:
            cause = f"{name} does not fit the files{_first_difference(own[name], due[name])}"
        layout.verdict.add("described", CROISSANT_FILE, cause)


def _claims(described: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield what a description claims of files and fields, by name."""
    yield "conformsTo", described["conformsTo"]
    yield "version", described["version"]
    for one in described["distribution"]:
        yield one["@id"], {key: one[key] for key in one if key != "description"}
    for one in described["recordSet"]:
        yield f"recordSet {one['@id']}", one.get("key")
        yield f"records of {one['@id']}", one.get("data")
        for field in one["field"]:
            yield field["@id"], field


def _first_difference(own: object, due: object) -> str:
    if not isinstance(own, Mapping) or not isinstance(due, Mapping):
        return f": {own!r}, not {due!r}"[:200]
    key = next(key for key in {**due, **own} if own.get(key, ...) != due.get(key, ...))
    return f": {key} is {own.get(key)!r}, not {due.get(key)!r}"[:200]


def check_card_counts(layout: Layout) -> None:
    """Compare the row counts of the card's YAML with the manifest, for any schema version."""
    if CARD_FILE not in layout.folder.files:
        if not layout.verdict.has(CARD_FILE):
            layout.verdict.add("missing file", CARD_FILE, "every release has one")
        return
    stated = _card_rows(_text(layout, CARD_FILE))
    for config, splits in layout.manifest["configs"].items():
        for split, entry in splits.items():
            own = stated.pop((config, split), 0)
            if own != entry["rows"]:
                cause = f"states {own} rows of {config} in {split}, the manifest {entry['rows']}"
                layout.verdict.add("count", CARD_FILE, cause)
    for (config, split), rows in stated.items():
        cause = f"states {rows} rows of {config} in {split}, there are none"
        layout.verdict.add("count", CARD_FILE, cause)


def _card_rows(card: str) -> dict[tuple[str, str], int]:
    """Read the number of rows by table and split from the YAML of a card."""
    stated: dict[tuple[str, str], int] = {}
    config = split = ""
    for line in card.partition("\n---")[0].splitlines():
        match = _CARD_LINE.fullmatch(line.strip())
        if match is None:
            continue
        key, value = match.groups()
        if key == "config_name":
            config = value
        elif key == "name":
            split = value
        elif value.isdecimal():
            stated[config, split] = int(value)
    return stated
