"""Commands that say whether a release can be trusted: verify, compare, audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qevd_bio.cli.guard import DONE, FAULTS_FOUND
from qevd_bio.cli.output import emit, table

if TYPE_CHECKING:
    from pathlib import Path


def verified_release(release: Path, data_root: Path | None, *, as_json: bool) -> int:
    """Prove a release and tell every fault; the `verify` command with a folder."""
    from qevd_bio.dataset.verify_release import verify_release

    verdict = verify_release(release, data_root)
    rows = [(one.kind, one.where, one.cause) for one in verdict.faults]
    lines = [table(("fault", "where", "what"), rows)] if rows else []
    told = {kind: sum(one.kind == kind for one in verdict.faults) for kind in verdict.counts}
    lines += [
        f"... and {count - told[kind]} more of {kind}"
        for kind, count in verdict.counts.items()
        if count > told[kind]
    ]
    lines += [f"not checked: {what}" for what in verdict.unchecked]
    total = sum(verdict.counts.values())
    read = ", ".join(f"{rows} {name}" for name, rows in sorted(verdict.rows.items()))
    lines.append(f"{read or 'nothing'} read, {total} faults")
    emit({"release": str(release), **verdict.as_json()}, "\n".join(lines), as_json=as_json)
    return DONE if verdict.sound else FAULTS_FOUND
