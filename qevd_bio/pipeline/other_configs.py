"""The other configurations a work folder was run with: their outputs are not waste."""

from __future__ import annotations

from collections.abc import Callable

from qevd_bio.engine.plan import PlannedUnit
from qevd_bio.engine.runs import RUN_FILE, RUNS_FOLDER, read_run
from qevd_bio.errors import DataError, QevdBioError, UsageError
from qevd_bio.files.digest import sha256_json
from qevd_bio.pipeline.config import config_from
from qevd_bio.pipeline.pipeline import Pipeline, open_pipeline


def plans_of_other_configs(
    pipeline: Pipeline, report: Callable[[str], None]
) -> list[list[PlannedUnit]]:
    """Plan once more for each other configuration that a run of the folder had.

    A run without a configuration in its record is reported and skipped.

    Raises
    ------
    UsageError
        It is not known any more what a run needs.
    """
    planned = {sha256_json(pipeline.config.as_json())}
    plans = []
    for path in sorted(pipeline.store.root.glob(f"{RUNS_FOLDER}/*/{RUN_FILE}")):
        try:
            content = read_run(path.parent)["config"]
            try:
                config = config_from(content, where=str(path))
            except DataError as error:
                report(f"the outputs of this run are not protected: {error}")
                continue
            digest = sha256_json(config.as_json())
            if digest not in planned:
                planned.add(digest)
                plans.append(open_pipeline(config, pipeline.store.root).plan())
        except QevdBioError as error:
            raise UsageError(
                f"it is not known what this run needs: {error.where}: {error.message}",
                where=str(path.parent),
                next_step="Correct that, or give the outputs of other configurations up with "
                "--last-config",
            ) from error
    return plans
