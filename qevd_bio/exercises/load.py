"""Rule files: found, read and checked."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError
from qevd_bio.exercises.contradictions import contradictions
from qevd_bio.exercises.names import normal_name
from qevd_bio.exercises.parse import rule_from, without_comments
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.rule_issue import RuleIssue, refuse
from qevd_bio.exercises.schema_issues import SCHEMA_NAME, schema_issues
from qevd_bio.files.open_regular import read_regular
from qevd_bio.files.strict_json import parse_json

_STAND_IN = "squat.json"
"""A shipped rule: its sections replace those that the schema refuses, so that the others
can be checked."""
_FILES_KEPT = 512
"""Rule files whose check is remembered by their bytes: every work folder opens all of them."""


@dataclass(frozen=True, slots=True)
class ReadRule:
    """One rule file as read.

    Attributes
    ----------
    rule : Rule or None
        None: nothing in the file can be used. With issues, it lacks the constraints that the
        schema refuses.
    issues : tuple of RuleIssue
        Everything that is wrong.
    broken : frozenset of str
        Sections (top-level keys) that the schema refuses; the rule holds stand-ins for them.
    """

    rule: Rule | None
    issues: tuple[RuleIssue, ...]
    broken: frozenset[str] = frozenset()

    def has_issue(self, key: str) -> bool:
        """Return whether something is wrong at a key or below it."""
        return any(f"{issue.key}.".startswith(f"{key}.") for issue in self.issues)


def load_rules(user_folder: Path | None = None, *, drafts: bool = False) -> dict[str, Rule]:
    """Load the shipped rules and those of the user.

    Parameters
    ----------
    user_folder : Path, optional
        Folder of ``<id>.json`` files that add to the shipped rules, or replace those of the
        same id.
    drafts : bool
        Also take rules that a language model proposed and nobody has accepted, to look at them.

    Returns
    -------
    dict of str to Rule
        By id, in alphabetical order.

    Raises
    ------
    RuleError
        A file is malformed or contradicts itself, two rules answer to one name, or a rule is a
        draft. All issues of all files are reported.
    """
    return sound_rules(read_rules(rule_files(user_folder).values()).values(), drafts=drafts)


def sound_rules(read: Iterable[ReadRule], *, drafts: bool = False) -> dict[str, Rule]:
    """Collect rules by id, in alphabetical order, or refuse them all with every issue.

    A draft that nobody has accepted is an issue unless `drafts`.
    """
    read = list(read)
    found = [issue for one in read for issue in one.issues]
    if not drafts:
        found += [_draft_issue(one.rule) for one in read if one.rule and one.rule.is_draft]
    refuse(found)
    rules = {one.rule.id: one.rule for one in read if one.rule is not None}
    return dict(sorted(rules.items()))


def _draft_issue(rule: Rule) -> RuleIssue:
    return RuleIssue(
        rule.file,
        "draft",
        "a language model proposed this rule, and nobody has accepted it",
        f"Look at it with `qevd-bio rules show {rule.file}`, correct it, then "
        f"`qevd-bio rules accept {rule.file}`; or take it out of the folder",
    )


def rule_files(user_folder: Path | None = None) -> dict[str, Path]:
    """Find the rule files by id: the shipped ones that the user does not replace, then the user's.

    `RuleError` where the user's folder does not exist or holds no rule.
    """
    shipped = files_in(asset_path("rules"))
    if user_folder is None:
        return shipped
    own = _own_files(user_folder)
    return {name: path for name, path in shipped.items() if name not in own} | own


def rule_paths(paths: Sequence[Path], user_folder: Path | None = None) -> list[Path]:
    """List the rule files among paths and in folders among them; those of `rule_files` for none.

    `RuleError` where a folder holds no rule.
    """
    if not paths:
        return list(rule_files(user_folder).values())
    return [
        one for path in paths for one in (_own_files(path).values() if path.is_dir() else [path])
    ]


def _own_files(folder: Path) -> dict[str, Path]:
    own = files_in(folder)
    if not own:
        raise RuleError(
            "no rule files" if folder.is_dir() else "no such folder",
            where=str(folder),
            next_step="Name a folder of <id>.json files; `qevd-bio rules new` starts one",
        )
    return own


def files_in(folder: Path) -> dict[str, Path]:
    """Find the rule files of one folder by id."""
    found = sorted(path for path in folder.glob("*.json") if path.name != SCHEMA_NAME)
    return {path.stem: path for path in found}


def read_rules(files: Iterable[Path]) -> dict[Path, ReadRule]:
    """Read rule files; a name that two rules answer to is an issue of the later one."""
    read = {path: read_rule(path) for path in files}
    owners: dict[str, str] = {}
    for path, one in read.items():
        clashes = [
            RuleIssue(
                str(path),
                "aliases",
                f"the name '{name}' belongs to {owner} too",
                "Keep the name in one of the two rules",
            )
            for name in (one.rule.names if one.rule else ())
            if not one.broken & {"id", "title", "aliases"}
            and (owner := owners.setdefault(normal_name(name), path.stem)) != path.stem
        ]
        read[path] = replace(one, issues=(*one.issues, *clashes))
    return read


def read_rule(path: Path) -> ReadRule:
    """Read one rule file, named after the id of its rule, with everything that is wrong in it."""
    try:
        content = read_regular(path, follow_links=path.is_relative_to(asset_path("rules")))
    except OSError as error:
        issue = RuleIssue(str(path), "", str(error.strerror), "Name a file that can be read")
        return ReadRule(None, (issue,))
    return _checked(str(path), path.stem, content)


@functools.lru_cache(_FILES_KEPT)
def _checked(file: str, name: str, content: bytes) -> ReadRule:
    try:
        record = without_comments(parse_json(content.decode("utf-8-sig"), where=file))
    except (UnicodeDecodeError, DataError) as error:
        cause = error.message if isinstance(error, DataError) else f"no JSON text ({error})"
        return ReadRule(None, (RuleIssue(file, "", cause, "Write JSON in UTF-8"),))
    issues, unusable = schema_issues(record, file)
    if not isinstance(record, Mapping):
        return ReadRule(None, tuple(issues))
    broken = frozenset(key for key in unusable if isinstance(key, str))
    rule, found = rule_from(_completed(record, unusable), file, sha256(content).hexdigest())
    issues += [*found, *contradictions(rule, name, broken)]
    return ReadRule(rule, tuple(issues), broken)


def _completed(record: Mapping[str, Any], unusable: Collection[str | int]) -> dict[str, Any]:
    """Put stand-ins in the place of refused sections, and leave refused constraints out."""
    if not unusable:
        return dict(record)
    stand_ins = json.loads(asset_path("rules", _STAND_IN).read_text(encoding="utf-8"))
    usable = {key: value for key, value in record.items() if key not in unusable}
    own = enumerate(usable.get("constraints", ()))
    return {**stand_ins, **usable, "constraints": [one for i, one in own if i not in unusable]}
