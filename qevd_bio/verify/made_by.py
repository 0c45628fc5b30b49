"""How a release was made, by its manifest and the rules and prompts it carries."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from qevd_bio.choices import Policy
from qevd_bio.errors import QevdBioError
from qevd_bio.exercises.given_references import FOLDER as REFERENCES_FOLDER
from qevd_bio.exercises.load import read_rule, rule_files
from qevd_bio.exercises.references import INDEX_NAME
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import SalienceSource
from qevd_bio.feedback.prompt_files import PROMPT_FILES, load_prompt
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import parse_json
from qevd_bio.release.made_with import (
    PROMPTS_FOLDER,
    RULES_FOLDER,
    carried_rules,
    installed_writer,
    other_prompts,
)
from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.stages.annotations import AnnotationsStage
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.stages.cycles import CyclesStage
from qevd_bio.stages.findings import FindingsStage
from qevd_bio.stages.morphometrics import MorphometricsStage
from qevd_bio.stages.quality import QualityStage
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.verify.files import Layout

STAGES: Mapping[str, int] = {
    stage.name: stage.version
    for stage in (
        QualityStage, MorphometricsStage, CyclesStage, FindingsStage, ContextsStage,
        AnnotationsStage,
    )
}  # fmt: skip
"""Versions of the stages whose rows can be derived again, by the name of their table."""

_OTHER_STAGES = ("kinematics", "features", "salience")
"""What they read is not published."""

_WITH_WORDS = {"annotations", "contexts"}
_MOST_FILE_BYTES = 1 << 20
_FILE = re.compile(r"(rules|prompts|references)/[A-Za-z0-9_.-]+\.(json|npy)")


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What the rows of a release follow from, besides its angles.

    Attributes
    ----------
    rules : mapping of str to Rule
        Those that the release carries, by id.
    policy, variants : str, bool
        How sentences are written.
    salient_source : {"rules", "annotation", "selector"}
        What chose the salient joints.
    has_opinions : bool
        Whether second opinions helped the lexicon to decide kinds.
    version : str
        Of qevd_bio.
    tables : frozenset of str
        Tables whose rows this version can derive again.
    same_writer : bool
        Whether equal rows have equal bytes here.
    """

    rules: Mapping[str, Rule]
    policy: Policy
    variants: bool
    salient_source: SalienceSource
    has_opinions: bool
    version: str
    tables: frozenset[str]
    same_writer: bool


def read_made_by(layout: Layout) -> MadeBy | None:
    """Read how a release was made; None, with issues or a note, where that is not known."""
    verdict, manifest = layout.verdict, layout.manifest
    if not layout.is_current:
        verdict.skip(f"rows derived again, which needs a release of schema {SCHEMA_VERSION}")
        return None
    problems = [
        *_option_problems(manifest["generator"]),
        *_unknown_parts(manifest["generator"], manifest["configs"]),
        *_file_problems(layout),
    ]
    for where, problem in problems:
        verdict.add("manifest", where, problem)
    if problems:
        return None
    try:
        rules = carried_rules(layout.folder.path, manifest["made_with"])
    except QevdBioError as error:
        verdict.add("unreadable", error.where, error.message)
        return None
    generator = manifest["generator"]
    writer = manifest.get("parquet_writer")
    if writer != installed_writer():
        verdict.skip(
            f"the digests of artifacts: they were written by {str(writer)[:80]}, installed is "
            f"{installed_writer()}, and equal rows have other bytes"
        )
    for rule in rules.values():
        if generator.get(f"rule {rule.id}") != str(rule.version):
            stated = generator.get(f"rule {rule.id}")
            cause = f"states version {stated} of rule {rule.id}, which is {rule.version}"
            verdict.add("manifest", f"{MANIFEST_FILE} generator", cause)
        stated = generator.get(f"reference {rule.id}")
        if stated != (rule.given.digest if rule.given else None):
            cause = f"states another reference of rule {rule.id} than it carries"
            verdict.add("manifest", f"{MANIFEST_FILE} generator", cause)
    _note_other_rules(layout, rules)
    return MadeBy(
        rules=rules,
        policy=cast("Policy", generator["policy"]),
        variants=generator["variants"] == "yes",
        salient_source=cast("SalienceSource", generator["salient_joints"]),
        has_opinions=generator.get("kinds") == "opinions",
        version=generator["qevd_bio"],
        tables=frozenset(_derivable(layout)),
        same_writer=writer == installed_writer(),
    )


def _option_problems(generator: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known: dict[str, tuple[str, ...]] = {
        "policy": get_args(Policy),
        "variants": ("yes", "no"),
        "salient_joints": get_args(SalienceSource),
    }
    if "kinds" in generator:  # named only where second opinions were given
        known["kinds"] = ("opinions",)
    for name, choices in known.items():
        if generator.get(name) not in choices:
            cause = f"{name} is {generator.get(name)!r}, none of {', '.join(choices)}"
            yield f"{MANIFEST_FILE} generator", cause
    if "qevd_bio" not in generator:
        yield f"{MANIFEST_FILE} generator", "does not name the version of qevd_bio"


def _unknown_parts(
    generator: Mapping[str, str], configs: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Find what nothing that makes a release is called; rules are compared with their files."""
    parts = {"qevd_bio", "policy", "variants", "salient_joints", "kinds"}
    parts |= {f"stage {name}" for name in (*STAGES, *_OTHER_STAGES, *configs)}
    for name in sorted(set(generator) - parts):
        if not name.startswith(("rule ", "reference ")):
            yield f"{MANIFEST_FILE} generator", f"names {name[:80]!r}, which makes no release"


def _file_problems(layout: Layout) -> Iterator[tuple[str, str]]:
    """Find the rules and prompts that are absent, or others than the manifest names."""
    stated: Mapping[str, str] = layout.manifest.get("made_with", {})
    generator = layout.manifest["generator"]
    named, given = (
        {one.removeprefix(part) for one in generator if one.startswith(part)}
        for part in ("rule ", "reference ")
    )
    for name in sorted(given - named):
        yield f"{MANIFEST_FILE} generator", f"names a reference of {name[:80]!r} and no such rule"
    due = _due_files(named, given)
    for name in sorted(due - set(stated)):
        yield f"{MANIFEST_FILE} made_with", f"does not name {name}, which the release is made with"
    for name in sorted(set(stated) - due):
        yield f"{MANIFEST_FILE} made_with", f"names {name!r}, which nothing is made with"
    for name, digest in sorted(stated.items()):
        if name not in due or _FILE.fullmatch(name) is None:
            continue
        path: Path = layout.folder.path / name
        if name not in layout.folder.files:
            if not layout.verdict.has(name):
                yield name, f"{MANIFEST_FILE} names it and it is absent"
        elif path.stat().st_size > _MOST_FILE_BYTES:
            yield name, f"has more than {_MOST_FILE_BYTES} bytes"
        elif layout.digests.get(name, digest) != digest:
            yield name, f"its bytes are not those {MANIFEST_FILE} names"


def _due_files(rules: Collection[str], given: Collection[str]) -> set[str]:
    """Name the files that a release with these rules, some with given references, carries."""
    due = {f"{RULES_FOLDER}/{rule}.json" for rule in rules}
    due |= {f"{PROMPTS_FOLDER}/{name}" for name in PROMPT_FILES}
    if given:
        due |= {f"{REFERENCES_FOLDER}/{name}.npy" for name in given}
        due.add(f"{REFERENCES_FOLDER}/{INDEX_NAME}")
    return due


def _note_other_rules(layout: Layout, rules: Mapping[str, Rule]) -> None:
    """Note the rules that differ from the installed ones of the same version."""
    shipped = rule_files()
    for name, rule in rules.items():
        if name not in shipped or sha256_file(shipped[name], follow_links=True) == rule.digest:
            continue
        own = read_rule(shipped[name]).rule
        if own is not None and own.version == rule.version:
            layout.verdict.skip(
                f"whether {RULES_FOLDER}/{name}.json is rule {name} {rule.version}: the one "
                "installed differs; rows were checked with the release's"
            )


def _derivable(layout: Layout) -> Iterator[str]:
    """Name the tables that the installed stages and prompts write as the release's did."""
    generator = layout.manifest["generator"]
    words = _prompts_differ(layout)
    for name, version in STAGES.items():
        stated = generator.get(f"stage {name}")
        if stated != str(version):
            layout.verdict.skip(
                f"the rows of {name} derived again: they are of version {stated} of the stage, "
                f"installed is {version}"
            )
        elif words and name in _WITH_WORDS:
            layout.verdict.skip(f"the rows of {name} derived again: {words}")
        else:
            yield name


def _prompts_differ(layout: Layout) -> str:
    """Say which prompts are others than those installed; an issue where their version agrees.

    They are not used: their patterns and forms could be made to take any time.
    """
    others = other_prompts(layout.manifest["made_with"])
    for name in others:
        content: Any = parse_json(
            (layout.folder.path / name).read_text(encoding="utf-8", errors="replace"), where=name
        )
        installed = load_prompt(name.removeprefix(f"{PROMPTS_FOLDER}/"))
        stated = content.get("version") if isinstance(content, Mapping) else None
        if stated == installed["version"]:
            cause = f"differs from version {stated} of that file as installed"
            layout.verdict.add("manifest", name, cause)
    return f"{', '.join(others)} differ from those installed" if others else ""
