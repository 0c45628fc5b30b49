"""Commands for releases: publish, verify, compare, audit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.choices import OnConcern
from qevd_bio.cli.errors import DONE, ISSUES_FOUND, SOME_FAILED, guarded, report
from qevd_bio.cli.options import PROGRAM, Json, Work
from qevd_bio.cli.output import emit, table
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.release.compare import Comparison
    from qevd_bio.released.contents import Release


@guarded
def publish(
    work: Work,
    out: Annotated[Path, typer.Option("--out", help="Folder of releases.")] = Path("release"),
    version: Annotated[str, typer.Option("--version", help="Semantic version.")] = "0.1.0",
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous",
            help="Release before this one; a version too low for the changes is refused.",
        ),
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", help="Day of publishing, such as 2026-12-31.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Address of the release.")] = None,
    on_concern: Annotated[
        OnConcern,
        typer.Option(
            "--on-concern",
            help="A video whose capture is not to be trusted: leave it out, publish and name it, "
            "or publish nothing.",
        ),
    ] = "flag",
    as_json: Json = False,
) -> int:
    """Write a release: Parquet splits, card, Croissant, checksums, drop-in JSON."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.release.assembly import release_from
    from qevd_bio.verify.before_publishing import refuse_condemned

    published = release_from(
        reopen_pipeline(work),
        out=out,
        version=version,
        previous=previous,
        date=date,
        url=url,
        on_concern=on_concern,
        check=refuse_condemned,
    )
    return _reported(published, as_json=as_json)


def _reported(published: Release, *, as_json: bool) -> int:
    """Say what was published, what is missing and what to look at."""
    contents = published.contents
    rows = [
        (config, split, sum(shard.rows for shard in shards))
        for config, splits in contents.shards.items()
        for split, shards in splits.items()
    ]
    for video in contents.missing:
        report(f"missing: {video.video_id} ({video.split}): {video.stage}: {video.reason}")
    for name, reason in contents.concerns.items():
        report(f"concern: {name}: {reason}")
    dropped = any(one.stage == "quality" for one in contents.missing)
    result = {
        "release": published.folder,
        "concerns": contents.concerns,
        "rows": [{"config": c, "split": s, "rows": n} for c, s, n in rows],
        "missing": [
            {"video_id": v.video_id, "split": v.split, "stage": v.stage, "reason": v.reason}
            for v in contents.missing
        ],
    }
    text = f"{table(('config', 'split', 'rows'), rows)}\n\nrelease: {published.folder}"
    emit(result, text, as_json=as_json)
    if contents.concerns:
        return ISSUES_FOUND
    return SOME_FAILED if dropped else DONE


@guarded
def verify(
    work: Work,
    release: Annotated[
        Path | None, typer.Argument(help="Folder of a release; without it the work folder.")
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option("--data-root", help="Compare a release with its source, too.")
    ] = None,
    fast: Annotated[
        bool,
        typer.Option("--fast", help="Check only sums and schemas of a release."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Check a release; or read every byte of a work folder and set aside what is damaged."""
    if release is not None:
        return _verified_release(release, data_root, fast=fast, as_json=as_json)
    if data_root is not None or fast:
        raise UsageError(
            "belongs to a release",
            where="--fast" if data_root is None else "--data-root",
            next_step="Name the release: `qevd-bio verify RELEASE --data-root QEVD`",
        )
    from qevd_bio.engine.maintain.failures import Damage
    from qevd_bio.engine.maintain.failures import verify as verify_units
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    sound, damaged = 0, []
    for found in verify_units(pipeline.stages, pipeline.store):
        if isinstance(found, Damage):
            damaged.append(found)
            report(f"damaged: {found.stage}/{found.video_id}: {found.problem}")
        else:
            sound += 1
    for one in damaged:
        pipeline.store.set_aside(one.folder)
    rows = [(one.video_id, one.stage, one.problem) for one in damaged]
    listed = table(("damaged video", "stage", "problem"), rows) if rows else ""
    lines = [f"{sound} units sound, {len(damaged)} damaged", listed]
    if damaged:
        lines.append(f"Set aside; the next `{PROGRAM} run` writes again what is needed")
    result = {"sound": sound, "damaged": damaged}
    emit(result, "\n".join(filter(None, lines)), as_json=as_json)
    return ISSUES_FOUND if damaged else DONE


def _verified_release(release: Path, data_root: Path | None, *, fast: bool, as_json: bool) -> int:
    """Check a release and report every issue."""
    from qevd_bio.verify.release import verify_release

    verdict = verify_release(release, data_root, fast=fast)
    lines = [
        f"{one.kind}: {one.where}: {one.cause}. Next: {one.next_step}." for one in verdict.issues
    ]
    shown = {kind: sum(one.kind == kind for one in verdict.issues) for kind in verdict.counts}
    lines += [
        f"... and {count - shown[kind]} more of {kind}"
        for kind, count in verdict.counts.items()
        if count > shown[kind]
    ]
    lines += [f"not checked: {what}" for what in verdict.unchecked]
    lines += [f"not in this release: table {name}" for name in verdict.absent]
    total = sum(verdict.counts.values())
    read = ", ".join(f"{rows} {name}" for name, rows in sorted(verdict.rows.items()))
    lines.append(f"{read or 'nothing'} read, {total} issues")
    emit({"release": release, **verdict.as_json()}, "\n".join(lines), as_json=as_json)
    return DONE if verdict.sound else ISSUES_FOUND


@guarded
def compare(
    old: Annotated[Path, typer.Argument(help="Folder of the earlier release.")],
    new: Annotated[Path, typer.Argument(help="Folder of the later release.")],
    as_json: Json = False,
) -> int:
    """Show what changed between two releases, why, and which version step that asks for."""
    from qevd_bio.release.compare import compare_releases

    found = compare_releases(old, new)
    emit(found.as_json(), _comparison_text(found), as_json=as_json)
    return DONE if found.fits else ISSUES_FOUND


def _first(names: Sequence[str], most: int) -> str:
    """List the first names, and how many more there are."""
    rest = len(names) - most
    return " ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _comparison_text(found: Comparison) -> str:
    lines = [f"schema: {one}" for one in found.schema]
    lines += [f"description: {one}" for one in found.descriptions]
    lines += [f"version of {one}" for one in found.versions]
    lines += [
        f"videos {word}: {len(videos)} ({_first(videos, 8)})"
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
        counts = ", ".join(f"{column} {rows}" for column, rows in one.columns.most_common())
        lines += [f"{name}: rows that differ by column: {counts}"] if counts else []
        lines += [f"{name}: {example}" for example in one.examples[:3]]
        rest = one.differing - len(one.examples[:3])
        lines += [f"{name}: and {rest} more rows"] if rest > 0 else []
        if one.reviewed:
            lines.append(f"{name}: {one.reviewed} rows have another verdict than before")
    lines.append(f"{found.old} -> {found.new}: {found.required} step required")
    lines.append("the version fits" if found.fits else "the version is too low")
    return "\n".join(lines)


@guarded
def audit(
    work: Work,
    data_root: Annotated[
        Path | None,
        typer.Option("--data-root", help="Only this source, instead of the work folder's."),
    ] = None,
    release: Annotated[
        Path | None, typer.Option("--release", help="Read the bodies from this release.")
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

    source, notes = work_of(work) if data_root is None else (data_root, {})
    if release is not None:
        notes = notes_of_release(release)
    if out is not None:
        outside_of_source(out, source)
    found = audit_pairs(
        source_videos(source, notes), on_video=lambda video: report(f"reading {video}")
    )
    if out is not None:
        write_text_atomic(out, audit_page(found))
    lines = []
    for pair in found.suspicious:
        lines.append(f"{pair.train} (train) and {pair.test} (test): {pair.suspicion}")
        lines += [f"    {what}: {text}" for what, text in evidence(pair)]
    lines += [f"not read: {video}: {cause}" for video, cause in found.unreadable.items()]
    lines.append(f"{len(found.suspicious)} suspicious of {len(found.pairs)} pairs")
    result = {
        "suspicious": [pair.as_json() for pair in found.suspicious],
        "pairs": [pair.as_json() for pair in found.pairs],
        "unreadable": found.unreadable,
    }
    emit(result, "\n".join(lines), as_json=as_json)
    return ISSUES_FOUND if found.suspicious else DONE
