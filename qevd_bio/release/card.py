"""The data card: README.md with the YAML that loaders read and the text that people read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.release.contents import Contents, MissingVideo, Shard
from qevd_bio.release.features import card_features, field_list
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.published import DEFAULT_TABLE, TABLES

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"

_INTRODUCTION = """\
Coaching sentences for exercise videos, each tied to what was measured on the video: joint angles
of every frame, the repetitions found in them, and the constraints of the exercise that were
checked on each repetition. `feedback_original` is the trainer's sentence, `feedback` the sentence
of this data set; `status` and `reason` state what was done to it and why."""

_LICENCE = """\
The sentences, their times and the exercises derive from the QEVD data set (QEVD-FIT-COACH and
QEVD-FIT-COACH-Benchmark). Their use is bound to the licence of QEVD: you must hold that licence
yourself, and you may pass the release on only as that licence allows. The release holds no video
and no picture. Angles and findings are measurements made on the videos; they describe the bodies
and movements of real people."""

_RULES = """\
- Rows are sorted by video and then by time. Videos are never shared by two splits.
- `timestamp_s` is the source's number, bit for bit; all other times lie on the same clock.
- A column of `kinematics` is null in a video if the capture does not observe that degree of
  freedom. `manifest.json` lists for each video what was observed, its noise and the direction of
  gravity. Where `valid` is false nobody was seen and the last pose is repeated.
- A finding is `violated` only when it leaves target and tolerance by more than its guard band of
  measurement noise. What could not be measured has a `status` and a `reason`, and no number.
- `morphometrics` holds what was measured of each person's body, or why nothing was. Bodies from
  HSMR's shape numbers are all measured in the male shape space, women's too: expect a bias.
- `quality` shows how plausible each capture is; `concerns` names what to look at first. No video
  is left out because of it.
- `drop_in/` holds the source's own annotation files with the new sentences in place of the old.
- The tables have schema version {schema_version}; `schema/` holds the JSON Schema of their rows.
- `CHANGELOG.md` lists what differs from earlier releases. `croissant.json` describes the release
  for programs.
- `SHA256SUMS` covers every other file: `sha256sum -c SHA256SUMS`."""

_LOADING = """\
From the folder above this one:

```python
import qevd_bio
frame = qevd_bio.load_split("{split}", "{version}")  # pandas, annotations
frame = qevd_bio.load_split("{split}", "{version}", "kinematics")

import datasets
data = datasets.load_dataset("{version}", split="{split}")
data = datasets.load_dataset("{version}", "kinematics", split="{split}")
```

```sql
-- DuckDB
SELECT video_id, feedback FROM '{version}/annotations/{split}-*.parquet'
WHERE status = 'rewritten';
```"""


def card_text(contents: Contents) -> str:
    """Write the data card: Markdown with YAML front matter.

    Tables and splits without rows are not in the YAML: loaders fail on empty splits.
    """
    front = "\n".join(_yaml(_front_matter(contents)))
    sections = (
        f"# qevd_bio {contents.version}",
        _INTRODUCTION,
        "## Licence",
        _LICENCE,
        "## Contents",
        _contents_table(contents),
        "## What was done to the sentences",
        _status_table(contents),
        "## What is missing",
        _missing_table(contents.missing),
        *_lacking_lines(contents),
        "## Source issues",
        _issue_table(contents.issues),
        "## Rules of this data set",
        _RULES.format(schema_version=SCHEMA_VERSION),
        "## Loading",
        _LOADING.format(split=next(iter(contents.videos)), version=contents.version),
        "## Columns",
        *(_column_section(name) for name in contents.shards),
        "## Made with",
        _table(("part", "version"), sorted(contents.generator.items())),
    )
    return f"---\n{front}\n---\n\n" + "\n\n".join(sections) + "\n"


def loader_lines(contents: Contents) -> list[str]:
    """Write the part of the card's YAML that loaders go by: `configs` and `dataset_info`."""
    front = _front_matter(contents)
    return _yaml({key: front[key] for key in ("configs", "dataset_info")})


def _front_matter(contents: Contents) -> dict[str, JsonValue]:
    filled = contents.filled()
    rows = sum(contents.rows(DEFAULT_TABLE, split) for split in contents.videos)
    return {
        "license": "other",
        "license_name": "terms-of-qevd",
        "pretty_name": f"qevd_bio {contents.version}",
        "language": ["en"],
        "tags": ["biomechanics", "exercise", "coaching", "human-pose"],
        "size_categories": [next((name for most, name in _SIZES if rows < most), _LARGEST)],
        "configs": [
            {
                "config_name": config,
                **({"default": True} if config == DEFAULT_TABLE else {}),
                "data_files": [
                    {"split": split, "path": f"{config}/{split}-*.parquet"} for split in splits
                ],
            }
            for config, splits in filled.items()
        ],
        "dataset_info": [_dataset_info(config, splits) for config, splits in filled.items()],
    }


def _dataset_info(config: str, splits: dict[str, tuple[Shard, ...]]) -> JsonValue:
    every = [shard for shards in splits.values() for shard in shards]
    return {
        "config_name": config,
        "features": card_features(TABLES[config].schema),
        "splits": [
            {
                "name": split,
                "num_bytes": sum(shard.arrow_bytes for shard in shards),
                "num_examples": sum(shard.rows for shard in shards),
            }
            for split, shards in splits.items()
        ],
        "download_size": sum(shard.file_bytes for shard in every),
        "dataset_size": sum(shard.arrow_bytes for shard in every),
    }


def _yaml(value: JsonValue, indent: int = 0) -> list[str]:
    """Write block YAML; texts are quoted as in JSON, which YAML reads alike."""
    pad = " " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                lines += [f"{pad}{key}:", *_yaml(inner, indent + 2)]
            else:
                lines.append(f"{pad}{key}: {json.dumps(inner)}")
    elif isinstance(value, list):
        for inner in value:
            block = _yaml(inner, indent + 2)
            lines += [f"{pad}- {block[0].lstrip()}", *block[1:]]
    else:
        lines.append(f"{pad}{json.dumps(value)}")
    return lines


def _contents_table(contents: Contents) -> str:
    splits = tuple(contents.videos)
    rows = [("videos", *contents.videos.values())]
    rows += [
        (f"`{config}` rows", *(contents.rows(config, split) for split in splits))
        for config in contents.shards
    ]
    return _table(("", *splits), rows)


def _status_table(contents: Contents) -> str:
    splits = tuple(contents.statuses)
    names = sorted({name for counts in contents.statuses.values() for name in counts})
    if not names:
        return "There are no sentences."
    rows = [
        (f"`{name}`", *(contents.statuses[split].get(name, 0) for split in splits))
        for name in names
    ]
    return _table(("status", *splits), rows)


def _missing_table(missing: Sequence[MissingVideo]) -> str:
    if not missing:
        return "Nothing: every video of the source is in the release."
    rows = [(one.video_id, one.split, one.stage, one.reason) for one in missing]
    records = f"{len(missing)} record{'s'[: len(missing) != 1]}"
    table = _table(("video", "split", "stage", "reason"), rows)
    return f"Of the source, {records} could not be published.\n\n{table}"


def _lacking_lines(contents: Contents) -> list[str]:
    return [
        f"Without `{config}`: {len(videos)} of {sum(contents.videos.values())} videos: "
        f"{', '.join(videos)}."
        for config, videos in contents.lacking.items()
    ]


def _issue_table(issues: Mapping[str, Sequence[str]]) -> str:
    if not issues:
        return "None was found in the records of the published videos."
    rows = [(video, issue) for video, found in issues.items() for issue in found]
    return "The records were used as they are.\n\n" + _table(("video", "issue"), rows)


def _column_section(config: str) -> str:
    table = TABLES[config]
    columns = _table(("column", "type", "unit", "meaning"), _column_rows(table.schema))
    return f"### {config}\n\n{table.about}\n\n{columns}"


def _column_rows(schema: pa.Schema) -> list[tuple[str, str, str, str]]:
    rows: list[tuple[str, str, str, str]] = []
    waiting: list[tuple[str, Any]] = [("", field) for field in field_list(schema)]
    while waiting:
        prefix, field = waiting.pop(0)
        name = f"{prefix}{field['name']}"
        kind = f"{field['type']}{', may be null' if field['nullable'] else ''}"
        rows.append((f"`{name}`", kind, field["unit"], field["description"]))
        waiting = [(f"{name}.", one) for one in field.get("fields", [])] + waiting
    return rows


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines)


def _cell(value: object) -> str:
    """Keep a text within its cell: no line break, no column mark, no markup."""
    text = " ".join(str(value).split())
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(sign, written)
    return text
