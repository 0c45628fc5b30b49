"""What a release says of itself beside its tables: card, Croissant description, changelog."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.release.card import loader_lines
from qevd_bio.release.changelog import CHANGELOG_FILE, entry_head
from qevd_bio.release.configs import CONFIGS, SPLITS
from qevd_bio.release.contents import MANIFEST_FILE, Contents, Shard
from qevd_bio.release.croissant import croissant
from qevd_bio.release.drop_in import DROP_IN_FOLDER, TABLE_FILE
from qevd_bio.release.loaded_size import loaded_bytes
from qevd_bio.verify.files import CROISSANT_FILE, SUMS_FILE, Layout, read_json_file
from qevd_bio.verify.issues import Verdict
from qevd_bio.verify.tables import Tables

CARD_FILE = "README.md"


def check_described(layout: Layout, tables: Tables, verdict: Verdict) -> None:
    """Compare card, Croissant description and changelog with the files and tables.

    Parameters
    ----------
    layout : Layout
        Of a release of this schema version.
    tables : dict
        From `check_tables`.
    verdict : Verdict
        Takes the faults.

    Notes
    -----
    What programs read is compared to the letter: the YAML of configs and data set info, and of
    `croissant.json` files, digests, sizes and fields. Words that only people read are not.
    """
    _check_strangers(layout, verdict)
    _check_changelog(layout, verdict)
    contents = _contents(layout, tables)
    if contents is None:
        verdict.leave("card and Croissant description: a shard is at fault")
        return
    if CARD_FILE in layout.files:
        _check_card(layout, contents, verdict)
    _check_croissant(layout, contents, verdict)


def _check_strangers(layout: Layout, verdict: Verdict) -> None:
    """Name the files that no release holds, though the sums may name them, and those it must."""
    told = {one.where for one in verdict.faults}
    for name in sorted(layout.files - _known(layout) - told):
        verdict.add("extra file", name, "no release holds such a file")
    for name in (CARD_FILE, CHANGELOG_FILE, "schema/records.json"):
        if name not in layout.files | told:
            verdict.add("missing file", name, "every release has one")


def _known(layout: Layout) -> set[str]:
    shards = (
        entry.path
        for splits in layout.shards.values()
        for entries in splits.values()
        for entry in entries
    )
    known = {CARD_FILE, CHANGELOG_FILE, CROISSANT_FILE, MANIFEST_FILE, SUMS_FILE, *shards}
    known |= {f"schema/{name}.json" for name in (*CONFIGS, "records")}
    return known | {
        f"{DROP_IN_FOLDER}/{home}/{file}"
        for home in SPLIT_FOLDERS.values()
        for file in (RECORDS_FILE, TABLE_FILE)
    }


def _contents(layout: Layout, tables: Tables) -> Contents | None:
    """Count anew what the card tells; None where a shard cannot be read."""
    shards: dict[str, dict[str, tuple[Shard, ...]]] = {}
    for config in CONFIGS:
        shards[config] = {}
        of_config = layout.shards.get(config, {})
        # in the order of publishing, which the manifest, sorted by key, does not keep
        for split in [split for split in SPLITS if split in of_config]:
            entries = of_config[split]
            if split not in tables.get(config, {}) or not all(one.rows for one in entries):
                return None
            try:
                shards[config][split] = tuple(
                    Shard(
                        path=one.path,
                        rows=one.rows,
                        arrow_bytes=loaded_bytes(layout.folder / one.path),
                        file_bytes=(layout.folder / one.path).stat().st_size,
                        sha256="",
                    )
                    for one in entries
                )
            except (pa.ArrowException, IndexError):
                return None
    manifest = layout.manifest
    return Contents(
        version=manifest["version"],
        generator=manifest["generator"],
        shards=shards,
        statuses={},
        videos={split: manifest["splits"][split]["videos"]
                for split in SPLITS if split in manifest["splits"]},
        missing=(),
        faults={},
    )  # fmt: skip


def _check_card(layout: Layout, contents: Contents, verdict: Verdict) -> None:
    text = (layout.folder / CARD_FILE).read_bytes().decode("utf-8", errors="replace")
    front = text.removeprefix("---\n").partition("\n---\n")[0].splitlines()
    start = front.index("configs:") if "configs:" in front else len(front)
    own, expected = front[start:], loader_lines(contents)
    if own == expected:
        return
    pairs = enumerate(zip_longest(own, expected))
    place = next(i for i, (said, due) in pairs if said != due)
    said, due = ([*lines, ""][min(place, len(lines))].strip() for lines in (own, expected))
    cause = f"its YAML says {said!r} where the tables ask for {due!r}"
    verdict.add("described", f"{CARD_FILE} line {start + place + 2}", cause)


def _check_changelog(layout: Layout, verdict: Verdict) -> None:
    if CHANGELOG_FILE not in layout.files:
        return
    text = (layout.folder / CHANGELOG_FILE).read_bytes().decode("utf-8", errors="replace")
    head = entry_head(layout.manifest["version"])
    if not text.startswith(head):
        cause = f"does not begin with the entry of {layout.manifest['version']}"
        verdict.add("described", CHANGELOG_FILE, cause)
        return
    entry = text.removeprefix(head).partition("\n## ")[0].splitlines()
    for config, splits in layout.manifest["configs"].items():
        for split, found in splits.items():
            due = f"- `{config}` {split}: {found['rows']} rows"
            if not any(line in (f"{due}.",) or line.startswith(f"{due} (") for line in entry):
                cause = f"does not say '{due.removeprefix('- ')}'"
                verdict.add("described", CHANGELOG_FILE, cause)


def _check_croissant(layout: Layout, contents: Contents, verdict: Verdict) -> None:
    told: Any = read_json_file(layout, CROISSANT_FILE, verdict)
    if told is None:
        return
    files = {
        name: ((layout.folder / name).stat().st_size, layout.digests[name])
        for name in _known(layout) & set(layout.digests) - {CROISSANT_FILE}
    }
    expected = json.loads(json.dumps(croissant(contents, files)))
    try:
        own, due = dict(_claims(told)), dict(_claims(expected))
    except (KeyError, TypeError, AttributeError) as error:
        verdict.add("described", CROISSANT_FILE, f"has another shape ({error!r})")
        return
    # what SHA256SUMS contradicts, or misses, was told with it
    told_already = (layout.files | {one.where for one in verdict.faults}) - set(files)
    for name in [name for name in {**due, **own} if own.get(name) != due.get(name)]:
        if name in told_already:
            continue
        if name not in own:
            cause = f"does not name {name}"
        elif name not in due:
            cause = f"names {name}, which is not there"
        else:
            cause = f"{name} is not what the files say{_first_difference(own[name], due[name])}"
        verdict.add("described", CROISSANT_FILE, cause)


def _claims(told: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield what a description says of files and fields, by name."""
    yield "conformsTo", told["conformsTo"]
    yield "version", told["version"]
    for one in told["distribution"]:
        yield one["@id"], {key: one[key] for key in one if key != "description"}
    for one in told["recordSet"]:
        yield f"recordSet {one['@id']}", {key: one[key] for key in one if key == "key"}
        yield f"records of {one['@id']}", one.get("data")
        for field in one["field"]:
            yield field["@id"], field


def _first_difference(own: object, due: object) -> str:
    if not isinstance(own, Mapping) or not isinstance(due, Mapping):
        return f": {own!r}, not {due!r}"[:200]
    key = next(key for key in {**due, **own} if own.get(key) != due.get(key))
    return f": {key} is {own.get(key)!r}, not {due.get(key)!r}"[:200]
