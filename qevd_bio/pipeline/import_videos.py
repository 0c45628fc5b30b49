"""Plain clips to a source folder, with the rules that will judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.choices import Split
from qevd_bio.errors import UsageError
from qevd_bio.exercises.names import match_name
from qevd_bio.feedback.rule_check import usable_rules
from qevd_bio.qevd.clip_table import read_clip_table
from qevd_bio.qevd.import_clips import ImportedClip, clips_of, import_clips


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Clips that were imported, names among their exercises without a rule, and what to do now.

    `taken_for` says of each name whose spelling is only near which exercise it was taken for.
    """

    clips: tuple[ImportedClip, ...]
    taken_for: tuple[str, ...]
    without_rule: tuple[str, ...]
    next_step: str


def import_videos(
    videos: Sequence[Path],
    exercise: str | None,
    clip_table: Path | None,
    target: Path,
    split: Split,
    user_rules: Path | None,
) -> ImportResult:
    """Import videos of one exercise, or the clips of a table; errors as of `import_clips`.

    `UsageError` where both are given, or neither, or videos without their exercise.
    """
    if bool(videos) == (clip_table is not None):
        raise UsageError(
            "clips are named either as files or by a table",
            where="import",
            next_step="Give VIDEOS with --exercise, or --table CSV",
        )
    if (exercise is None) == bool(videos):
        raise UsageError(
            "files need the exercise done in them, a table names its own",
            where="--exercise",
            next_step="`qevd-bio rules list` lists the exercises",
        )
    rules = usable_rules(user_rules)
    clips = clips_of(videos, exercise or "") if clip_table is None else read_clip_table(clip_table)
    made = import_clips(clips, target, split)
    names = dict.fromkeys(name for one in made for name in one.exercises)
    found = {name: match_name(name, rules) for name in names}
    taken = [match.taken_for(name) for name, match in found.items() if match is not None]
    return ImportResult(
        clips=tuple(made),
        taken_for=tuple(said for said in taken if said),
        without_rule=tuple(name for name, match in found.items() if match is None),
        next_step=f"qevd-bio run --data-root {target} --work WORK",
    )
