"""The rules and prompts a release was made with, which it carries: written, and read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.exercises.given_references import FOLDER as REFERENCES_FOLDER
from qevd_bio.exercises.given_references import reference_files, with_references
from qevd_bio.exercises.load import read_rules, sound_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.prompt_files import prompt_bytes, prompt_digests
from qevd_bio.tables.parquet import read_metadata
from qevd_bio.tables.written_again import is_written_alike

RULES_FOLDER, PROMPTS_FOLDER = "rules", "prompts"


def files_used(rules: Iterable[Rule]) -> dict[str, bytes]:
    """Read the rules, given references and prompts that a release was made with.

    By their path in the release.

    `DataError` where the file of a rule changed since it was read.
    """
    rules = list(rules)
    given = reference_files({rule.id: rule for rule in rules})
    found = {f"{REFERENCES_FOLDER}/{name}": content for name, content in given.items()}
    for rule in rules:
        content = _read(Path(rule.file))
        if sha256(content).hexdigest() != rule.digest:
            raise DataError(
                f"changed since the rule {rule.id} was read from it",
                where=rule.file,
                next_step="Run again with the rule as it is now, then publish",
            )
        found[f"{RULES_FOLDER}/{rule.id}.json"] = content
    prompts = {f"{PROMPTS_FOLDER}/{name}": content for name, content in prompt_bytes().items()}
    return found | prompts


def carried_rules(folder: Path, names: Iterable[str]) -> dict[str, Rule]:
    """Read the rules that a release carries, by id, with the references they were given.

    `RuleError` or `DataError` where one cannot be used.
    """
    names = sorted(names)
    own = [folder / name for name in names if name.startswith(f"{RULES_FOLDER}/")]
    given = any(name.startswith(f"{REFERENCES_FOLDER}/") for name in names)
    rules = sound_rules(read_rules(own).values())
    return with_references(rules, folder / REFERENCES_FOLDER if given else None)


def other_prompts(digests: Mapping[str, str]) -> list[str]:
    """Name the prompts that are not the installed ones, given digests by path in the release."""
    installed = {
        f"{PROMPTS_FOLDER}/{name.removeprefix('prompt:')}": digest
        for name, digest in prompt_digests().items()
    }
    return sorted(name for name, digest in installed.items() if digests.get(name) != digest)


def installed_writer() -> str:
    """Name what writes Parquet here: equal rows have equal bytes only by the same build."""
    build = pa.cpp_build_info
    return f"pyarrow {pa.__version__} {build.compiler_id} {build.compiler_version}"


def writer_of_artifacts(paths: Sequence[Path]) -> str:
    """Name what wrote artifacts if that is what is installed; else ``another``.

    Their footers name only its version, so the smallest one is written again and compared.
    """
    own = f"parquet-cpp-arrow version {pa.cpp_version}"
    if not paths or any(read_metadata(path).created_by != own for path in paths):
        return "another"
    smallest = min(paths, key=lambda path: path.stat().st_size)
    return installed_writer() if is_written_alike(smallest) else "another"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            next_step="Restore the rule, or run again without it",
        ) from error
