"""Commands that say whether a release can be trusted: verify, compare, audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.cli.guard import DONE, FAULTS_FOUND, guarded, say
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.setup import Json
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.release.compare import Comparison


def verified_release(release: Path, data_root: Path | None, *, as_json: bool) -> int:
    """Prove a release and list every issue; the `verify` command with a folder."""
    from qevd_bio.verify.release import verify_release

    verdict = verify_release(release, data_root)
    rows = [(one.kind, one.where, one.cause) for one in verdict.issues]
    lines = [table(("issue", "where", "what"), rows)] if rows else []
    listed = {kind: sum(one.kind == kind for one in verdict.issues) for kind in verdict.counts}
    lines += [
        f"... and {count - listed[kind]} more of {kind}"
        for kind, count in verdict.counts.items()
        if count > listed[kind]
    ]
    lines += [f"not checked: {what}" for what in verdict.unchecked]
    lines += [f"not in this release: table {name}" for name in verdict.absent]
    total = sum(verdict.counts.values())
    read = ", ".join(f"{rows} {name}" for name, rows in sorted(verdict.rows.items()))
    lines.append(f"{read or 'nothing'} read, {total} issues")
    emit({"release": str(release), **verdict.as_json()}, "\n".join(lines), as_json=as_json)
    return DONE if verdict.sound else FAULTS_FOUND


@guarded
def compare(
    old: Annotated[Path, typer.Argument(help="Folder of the earlier release.")],
    new: Annotated[Path, typer.Argument(help="Folder of the later release.")],
    as_json: Json = False,
) -> int:
    """Say what changed between two releases, why, and which version step that asks for."""
    from qevd_bio.release.compare import compare_releases

    found = compare_releases(old, new)
    emit(found.as_json(), _comparison_text(found), as_json=as_json)
    return DONE if found.fits else FAULTS_FOUND


def _comparison_text(found: Comparison) -> str:
    lines = [f"schema: {one}" for one in found.schema]
    lines += [f"description: {one}" for one in found.descriptions]
    lines += [f"version of {one}" for one in found.versions]
    lines += [
        f"videos {word}: {len(videos)} ({' '.join(videos[:8])}{' ...' if videos[8:] else ''})"
        for word, videos in found.videos.items()
        if videos
    ]
    heads = ("table", "same", "added", "removed", "text", "numbers", "within", "causes")
    rows = [
        (
            name,
            one.same,
            one.added,
            one.removed,
            one.text,
            one.numbers,
            one.within,
            ", ".join(f"{cause} {rows}" for cause, rows in one.causes.most_common()) or "-",
        )
        for name, one in found.configs.items()
    ]
    lines += ["", table(heads, rows), ""] if lines else [table(heads, rows), ""]
    for name, one in found.configs.items():
        lines += [f"{name}: {example}" for example in one.examples[:3]]
    lines.append(f"{found.old} -> {found.new}: {found.required} step required")
    lines.append("the version fits" if found.fits else "the version is too low")
    return "\n".join(lines)


@guarded
def audit(
    work: Annotated[
        Path | None, typer.Option("--work", help="Work folder: its source and its bodies.")
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option("--data-root", help="Source, where no work folder is given.")
    ] = None,
    release: Annotated[
        Path | None, typer.Option("--release", help="Take the bodies from this release.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the pairs with their pictures here.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Look for the same person or footage in both splits; list pairs with their evidence."""
    from qevd_bio.audit.audit import audit as audit_pairs
    from qevd_bio.audit.page import audit_page, evidence
    from qevd_bio.audit.source_videos import notes_of_release, source_videos, work_of
    from qevd_bio.files.atomic import write_text_atomic
    from qevd_bio.pipeline.pipeline import outside_of_source

    if (work is None) == (data_root is None):
        raise UsageError(
            "give a work folder or a source, one of both",
            where="audit",
            next_step="Say --work WORK, or --data-root QEVD",
        )
    source, notes = work_of(work) if work is not None else (data_root or Path(), {})
    if release is not None:
        notes = notes_of_release(release)
    if out is not None:
        outside_of_source(out, source)
    found = audit_pairs(
        source_videos(source, notes), on_video=lambda video: say(f"reading {video}")
    )
    if out is not None:
        write_text_atomic(out, audit_page(found))
    lines = []
    for pair in found.suspicious:
        lines.append(f"{pair.train} (train) and {pair.test} (test): {pair.suspicion}")
        lines += [f"    {what}: {told}" for what, told in evidence(pair)]
    lines += [f"not read: {video}: {cause}" for video, cause in found.unreadable.items()]
    lines.append(f"{len(found.suspicious)} suspicious of {len(found.pairs)} pairs")
    result = {
        "suspicious": [pair.as_json() for pair in found.suspicious],
        "pairs": [pair.as_json() for pair in found.pairs],
        "unreadable": dict(found.unreadable),
    }
    emit(result, "\n".join(lines), as_json=as_json)
    return FAULTS_FOUND if found.suspicious else DONE
