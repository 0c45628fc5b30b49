"""The file of applied verdicts: what the next release takes into account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.json_schema import load_schema
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.sealed_lines import read_sealed, write_sealed

FORMAT, VERSION = "qevd_bio.applied_verdicts", 1
REVIEW_FOLDER, APPLIED_FILE, STORE_FILE = "review", "applied.jsonl", "verdicts.sqlite"
_ROW = load_schema(__file__, "applied.schema.json")

RejectedPolicy = Literal["original", "drop"]
"""What a rejected sentence becomes: the trainer's own sentence, or no row at all."""


@dataclass(frozen=True, slots=True)
class AppliedVerdict:
    """The verdict that counts for one sentence.

    Attributes
    ----------
    key, judged, verdict, text, reason, annotator, time, event_id
        As in its `qevd_bio.verdicts.event.VerdictEvent`.
    decided : str
        ``single`` annotator, ``agreed`` by several, or ``adjudicated``.
    """

    key: ItemKey
    judged: str
    verdict: str
    text: str
    reason: str
    annotator: str
    time: str
    decided: str
    event_id: str


@dataclass(frozen=True, slots=True)
class AppliedVerdicts:
    """All applied verdicts with the policy they are published under.

    Attributes
    ----------
    rejected : str
        ``original`` or ``drop``.
    verdicts : mapping of str to mapping of int to AppliedVerdict
        By video and utterance.
    sha256 : str
        Digest of the file; empty where there is none.
    """

    rejected: RejectedPolicy = "original"
    verdicts: Mapping[str, Mapping[int, AppliedVerdict]] = field(default_factory=dict)
    sha256: str = ""


def write_applied(
    path: Path, verdicts: Iterable[AppliedVerdict], rejected: RejectedPolicy
) -> None:
    """Write the file, sorted by item; equal verdicts give equal bytes."""
    rows: list[JsonValue] = []
    for one in sorted(verdicts, key=lambda one: one.key):
        rows.append({**asdict(one.key), **{n: v for n, v in asdict(one).items() if n != "key"}})
    write_sealed(path, FORMAT, VERSION, rows, rejected=rejected)


def read_applied(path: Path) -> AppliedVerdicts:
    """Read the file; no verdicts where it is absent.

    Raises
    ------
    DataError
        The file is damaged, was edited, names a policy that is none, or an item twice.
    """
    if not path.exists():
        return AppliedVerdicts()
    head, rows = read_sealed(path, FORMAT, VERSION, _ROW)
    policies: dict[str, RejectedPolicy] = {name: name for name in get_args(RejectedPolicy)}
    policy = policies.get(str(head.get("rejected")))
    if policy is None:
        raise _bad(f"names {head.get('rejected')!r} as policy for rejected sentences", path)
    found: dict[str, dict[int, AppliedVerdict]] = {}
    for row in rows:
        key = ItemKey(row.pop("video_id"), row.pop("feedback_index"))
        of_video = found.setdefault(key.video_id, {})
        if key.feedback_index in of_video:
            raise _bad(f"names utterance {key.feedback_index} of {key.video_id} twice", path)
        of_video[key.feedback_index] = AppliedVerdict(key=key, **row)
    return AppliedVerdicts(policy, found, sha256_file(path))


def _bad(cause: str, path: Path) -> DataError:
    next_step = "Run `qevd-bio review apply` again"
    return DataError(cause, where=str(path), next_step=next_step)
