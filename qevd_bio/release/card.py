"""The data card: README.md with the YAML that loaders read and the text that people read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from qevd_bio.capture.measured_accuracy import ACCURACY, UNKNOWN
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.files.visible_text import visible
from qevd_bio.release.card_facts import CardFacts
from qevd_bio.release.features import card_features, field_list
from qevd_bio.released.contents import Contents, MissingVideo, Shard
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.left_out import without_columns
from qevd_bio.tables.published import DEFAULT_TABLE, TABLES

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"

_INTRODUCTION = """\
Coaching sentences for exercise videos, each tied to what was measured on the video: joint angles
of every frame, the repetitions found in them, and the constraints of the exercise that were
checked on each repetition. `feedback_original` is the trainer's sentence, `feedback` the sentence
of this data set; `status` and `reason` state what was done to it and why."""

_LICENCE = """\
QEVD is the Qualcomm Exercise Videos Dataset; Qualcomm gives it to those who accept its licence
agreement for research. The sentences, their times and the exercises derive from it
(QEVD-FIT-COACH and QEVD-FIT-COACH-Benchmark). Their use is bound to the licence of QEVD: you must
hold it yourself, and you may pass the release on only as it allows. The release holds no video
and no picture. Angles and findings are measurements made on the videos; they describe the bodies
and movements of real people."""

_RULES = """\
- Rows are sorted by video and then by time. Videos are never shared by two splits.
- `timestamp_s` is the source's number, bit for bit. `time_s`, `start_s`, `key_s`, `end_s` and
  `known_s` lie on the same clock, that of the source. `video_time_s`, `video_start_s`,
  `video_key_s` and `video_end_s` count from the first frame of the video, `clip_s` from that of
  the segment. {clock}
- `cycle.cycle_index` of `annotations` counts the cycles known then, `cycle_index` of `cycles` all
  of the segment: join them on `key_s`, not on the index.
- A row of `annotations` or `contexts` holds what was known at its moment: its cycle and findings
  come from frames up to it, and a hold that goes on is cited as `hold_in_progress`. `cycles` and
  `findings` are found with the whole segment in view, so they know more.
  `angles_from` states what the angles themselves were estimated from.
- A column of `kinematics` is null in a video if the capture does not observe that degree of
  freedom. `manifest.json` lists for each video what was observed, its noise and the direction of
  gravity. Where `valid` is false nobody was seen and the last pose is repeated.
- A finding is `violated` only when it leaves target and tolerance by more than its guard band of
  measurement noise. What could not be measured has a `status` and a `reason`, and no number.
- `morphometrics` holds what was measured of each person's body, or why nothing was. Bodies from
  HSMR's shape numbers are all measured in the male shape space, women's too: expect a bias.
- `quality` shows how plausible each capture is; `concerns` names what to look at first,
  and "Captures to doubt" above the videos that have some.
- `drop_in/` holds the source's own annotation files with the new sentences in place of the old.
- The tables have schema version {schema_version}; `schema/` holds the JSON Schema of their rows.
- `CHANGELOG.md` lists what differs from earlier releases. `croissant.json` describes the release
  for programs.
- `SHA256SUMS` covers every other file: `sha256sum -c SHA256SUMS`."""

_LIMITATIONS = """\
- Angles are estimates from one camera. Limbs that are hidden or point at the camera are worse;
  each angle has its standard deviation, and a guard band of two of them keeps most of their
  errors out of the sentences, not all.
- Angles of a frame may rest on later frames (`angles_from` is `whole_clip`); body, noise, gravity
  and limb lengths are estimated from the whole video. A live system would not have them so.
- Sentences judge only what the rule of the exercise checks and the backend observes. An utterance
  that stays as it was is no sign that the trainer was wrong.
- Targets and tolerances come from the rules in `rules/`, each with its source; many are
  unverified. They are no medical advice.
- The exercises, people, rooms and cameras are those of the source. People are recognisable by
  their proportions and movements to whoever has other recordings of them.
- No annotator has reviewed a row whose `review` is null."""

_CITATION = """\
Cite the data set of the videos and sentences, the method, and this release by its version:

- S. Panchal and others. What to say and when to say it: live fitness coaching as a testbed for
  situated interaction. NeurIPS 2024, Datasets and Benchmarks, arXiv:2407.08101 (QEVD).
- From 3D pose to prose: biomechanics-grounded vision-language coaching. CVPR 2026 (BioCoach).
- qevd_bio {version}{address}. The digest of `SHA256SUMS` names its bytes."""

_MEANS = {
    "rewritten": "a finding supports the trainer's words; the new sentence has its numbers",
    "kept": "no correction (praise, counting, transitions, ...): the original sentence",
    "unsupported": "measured, and within the target: the original sentence, numbers in `reason`",
    "unmeasurable": "no rule, or the capture does not observe it: the original sentence",
    "low_confidence": "the capture is not sure enough: the original sentence",
    "no_cycle": "no repetition or hold was known yet: the original sentence",
}

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


def card_text(contents: Contents, facts: CardFacts) -> str:
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
        *_review_lines(contents),
        *_reason_lines(facts),
        "### Examples",
        _example_table(facts),
        "## How the videos were measured",
        _capture_table(facts),
        "## What is missing",
        _missing_table(contents.missing),
        *_lacking_lines(contents),
        "## Captures to doubt",
        _concern_table(contents.concerns),
        "## Source issues",
        _issue_table(contents.issues),
        "## Conventions",
        _RULES.format(schema_version=SCHEMA_VERSION, clock=facts.clock_text()),
        "## Limitations",
        _LIMITATIONS,
        "## How to cite",
        _CITATION.format(
            version=contents.version, address=f", {contents.url}" if contents.url else ""
        ),
        "## Loading",
        _LOADING.format(split=next(iter(contents.videos)), version=contents.version),
        "## Columns",
        *(_column_section(name, contents.left_out.get(name, ())) for name in contents.shards),
        "## Made with",
        _table(("part", "version"), sorted(contents.generator.items())),
    )
    return visible(f"---\n{front}\n---\n\n" + "\n\n".join(sections) + "\n")


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
        "task_categories": ["video-text-to-text", "time-series-forecasting"],
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
        "dataset_info": [
            _dataset_info(config, splits, contents.left_out.get(config, ()))
            for config, splits in filled.items()
        ],
    }


def _dataset_info(
    config: str, splits: dict[str, tuple[Shard, ...]], left_out: Sequence[str]
) -> JsonValue:
    every = [shard for shards in splits.values() for shard in shards]
    return {
        "config_name": config,
        "features": card_features(without_columns(TABLES[config].schema, left_out)),
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
        (f"`{name}`", *(contents.statuses[split].get(name, 0) for split in splits), _MEANS[name])
        for name in names
    ]
    return _table(("status", *splits, "meaning"), rows)


def _review_lines(contents: Contents) -> list[str]:
    if not contents.review:
        return []
    review: Mapping[str, Any] = contents.review
    left_out = sum(len(rows) for rows in review["dropped"].values())
    becomes = f"has no row ({left_out} rows)" if left_out else "is the trainer's own again"
    return [
        "## What annotators said",
        "`review` holds the verdict on a sentence and the sentence that was judged. A rejected "
        f"sentence {becomes}; an edited one is the annotator's.",
        _table(("verdict", "sentences"), sorted(review["verdicts"].items())),
    ]


def _reason_lines(facts: CardFacts) -> list[str]:
    share, every = facts.rewritten_share, sum(facts.reasons.values())
    if share is None:
        return ["No utterance is corrective or instructional."]
    rows = [
        (f"`{status}`", reason, count, f"{100.0 * count / every:.1f} %")
        for (status, reason), count in facts.reasons.items()
    ]
    return [
        f"Of {every} corrective and instructional utterances {100.0 * share:.1f} % are rewritten. "
        "Utterances of other kinds (praise, counting, transitions) never are.",
        _table(("status", "reason", "utterances", "share"), rows),
    ]


def _example_table(facts: CardFacts) -> str:
    if not facts.examples:
        return "No sentence is rewritten."
    rows = [(one.exercise, one.old, one.new) for one in facts.examples]
    return _table(("exercise", "the trainer's sentence", "the sentence of this data set"), rows)


def _capture_table(facts: CardFacts) -> str:
    rows = [
        (f"`{name}`", count, ACCURACY.get(name, UNKNOWN)) for name, count in facts.backends.items()
    ]
    return _table(("backend", "videos", "accuracy against known angles"), rows)


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


def _concern_table(concerns: Mapping[str, str]) -> str:
    if not concerns:
        return "None of the published videos gives reason to doubt its capture."
    rows = _table(("video", "because"), list(concerns.items()))
    return (
        "These videos are published, but look at them before you use their sentences "
        f"(`--on-concern flag`).\n\n{rows}"
    )


def _issue_table(issues: Mapping[str, Sequence[str]]) -> str:
    if not issues:
        return "None was found in the records of the published videos."
    rows = [(video, issue) for video, found in issues.items() for issue in found]
    return "The records were used as they are.\n\n" + _table(("video", "issue"), rows)


def _column_section(config: str, left_out: Sequence[str]) -> str:
    table = TABLES[config]
    schema = without_columns(table.schema, left_out)
    columns = _table(("column", "type", "unit", "meaning"), _column_rows(schema))
    lost = ""
    if left_out:
        names = ", ".join(f"`{name}`" for name in left_out)
        lost = (
            f"\n\nNothing in this release has a value in {len(left_out)} further columns, so its "
            f"shards do not hold them; `load_split` gives them as null: {names}."
        )
    return f"### {config}\n\n{table.about}\n\n{columns}{lost}"


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
    text = visible(" ".join(str(value).split()))
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(sign, written)
    return text
