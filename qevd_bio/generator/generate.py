"""Motions that do what a clinician asks for, as a folder of references."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from qevd_bio.errors import DataError
from qevd_bio.exercises.load import load_rules
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_file, sha256_json
from qevd_bio.files.opensim_mot import write_mot
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.generator.attempts import MOTION, VERSION, Attempt, Maker, attempts, motion_name
from qevd_bio.generator.generated_page import generated_page
from qevd_bio.generator.guidance import GuidanceOptions
from qevd_bio.generator.made_reference import middle_of, reference_of, write_reference
from qevd_bio.generator.objectives_file import Asked
from qevd_bio.generator.surrogate_file import load_surrogate
from qevd_bio.generator.vqvae_file import load_vqvae
from qevd_bio.skeleton.opensim_map import TRANSLATIONS

FORMAT = 1
ATTEMPTS, OBJECTIVES, REPORT, PAGE = "attempts", "objectives.json", "generated.json", "page.html"
_TRIES_EACH = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What to generate.

    Attributes
    ----------
    asked : Asked
        Exercise and objectives.
    model : Path
        A .osim file of the LaiUhlrich family.
    out : Path
        Folder of the result.
    count : int
        How many accepted motions are wanted.
    seed : int
        Of all that is drawn.
    tries : int or None
        Most motions to try, rounded up to whole batches; None: five for each that is wanted.
    steps : int
        Of the guidance.
    surrogate, vqvae : Path or None
        Weights; None: those that ship.
    rules : Path or None
        Folder of the user's rules.
    """

    asked: Asked
    model: Path
    out: Path
    count: int = 20
    seed: int = 0
    tries: int | None = None
    steps: int = GuidanceOptions().steps
    surrogate: Path | None = None
    vqvae: Path | None = None
    rules: Path | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """What came of a request; `chosen` is the motion that the folder's reference shows."""

    request: Request
    accepted: tuple[Attempt, ...]
    rejected: tuple[Attempt, ...]
    chosen: Attempt | None

    @property
    def tried(self) -> int:
        """How many motions were judged."""
        return len(self.accepted) + len(self.rejected)

    @property
    def surrogate_error(self) -> float | None:
        """How far the surrogate's peak of vastus medialis is off in accepted motions."""
        apart = [
            abs(one.by_surrogate["vastus_medialis"] - one.by_simulation["vastus_medialis"])
            for one in self.accepted
        ]
        return float(np.mean(apart)) if apart else None


def shipped_weights(exercise: str, what: str) -> Path:
    """Name a file of weights that ships.

    Raises
    ------
    DataError
        This version has none.
    """
    path = Path(__file__).with_name(f"{exercise}_{what}.safetensors")
    if not path.is_file():
        raise DataError(
            "no such weights ship with this version",
            where=path.name,
            next_step=f"Train them with tools/train_{what}.py and name them with --{what}",
        )
    return path


def generate(
    request: Request, fits: Path, *, on_batch: Callable[[int, int], None] = lambda _t, _a: None
) -> Generated:
    """Generate until enough motions are accepted, and write the folder.

    Parameters
    ----------
    request : Request
        What to generate. Batches that its folder holds are not made again.
    fits : Path
        Folder where fitted muscle paths are kept.
    on_batch : callable
        Gets how many motions were tried and accepted, after each batch.

    Returns
    -------
    Generated
        Fewer than wanted are accepted where the tries are used up.

    Raises
    ------
    EnvironmentProblem
        opensim or daqp is not installed.
    DataError
        A file cannot be used, or the folder was made for another request.
    """
    from qevd_bio.muscles.opensim_model import import_opensim
    from qevd_bio.muscles.prepared import FIT_VERSION, prepare
    from qevd_bio.muscles.redundancy import import_daqp

    import_opensim()
    import_daqp()
    exercise = request.asked.exercise
    surrogate = request.surrogate or shipped_weights(exercise, "surrogate")
    vqvae = request.vqvae or shipped_weights(exercise, "vqvae")
    maker = Maker(
        prepare(request.model, fits),
        load_rules(request.rules)[exercise],
        load_vqvae(vqvae),
        load_surrogate(surrogate),
        request.asked,
        request.seed,
        GuidanceOptions(steps=request.steps),
    )
    _check_fit(maker, surrogate, vqvae)
    provenance: dict[str, JsonValue] = {
        "format": FORMAT,
        "version": VERSION,
        "fit_version": FIT_VERSION,
        "asked": request.asked.as_json(),
        "seed": request.seed,
        "steps": request.steps,
        "model_sha256": maker.model.sha256,
        "surrogate_sha256": sha256_file(surrogate),
        "vqvae_sha256": sha256_file(vqvae),
        "passive_scale": maker.surrogate.passive_scale,
        "rule_sha256": maker.rule.digest,
    }
    with _one_thread():
        accepted, rejected = _gathered(maker, request, sha256_json(provenance), on_batch)
    write_text_atomic(request.out / OBJECTIVES, _indented(request.asked.as_json()))
    result = _written(maker, request, provenance, accepted, rejected)
    page = generated_page(request.asked, maker.model.body, accepted, rejected, result.chosen)
    write_text_atomic(request.out / PAGE, page)
    return result


def _check_fit(maker: Maker, surrogate: Path, vqvae: Path) -> None:
    own = maker.model.body.coordinates
    told = {surrogate: maker.surrogate.coordinates, vqvae: maker.generator.shape.coordinates}
    for path, coordinates in told.items():
        if coordinates != own:
            raise DataError(
                "was trained on a model with other coordinates",
                where=str(path),
                next_step="Name weights of the family of --model",
            )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: the same seed gives the same bytes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _gathered(
    maker: Maker, request: Request, identity: str, on_batch: Callable[[int, int], None]
) -> tuple[list[Attempt], list[Attempt]]:
    accepted: list[Attempt] = []
    rejected: list[Attempt] = []
    most = _TRIES_EACH * request.count if request.tries is None else request.tries
    for batch in attempts(maker, request.out / ATTEMPTS, identity):
        for one in batch:
            if len(accepted) < request.count:
                (rejected if one.reasons else accepted).append(one)
        tried = batch[-1].number + 1
        on_batch(tried, len(accepted))
        if len(accepted) >= request.count or tried >= most:
            return accepted, rejected
    raise AssertionError("batches do not end")


def _written(
    maker: Maker,
    request: Request,
    provenance: Mapping[str, JsonValue],
    accepted: Sequence[Attempt],
    rejected: Sequence[Attempt],
) -> Generated:
    """Write each accepted motion, the reference in the middle, and what became of all.

    Motions that a larger request left in the folder are deleted.
    """
    coordinates = maker.model.body.coordinates
    references = []
    for one in accepted:
        reference = reference_of(maker.rule, coordinates, one.q, one.time_s)
        if isinstance(reference, str):
            raise AssertionError(reference)
        references.append(reference)
        folder = request.out / motion_name(one)
        write_reference(folder, maker.rule, reference, {**provenance, **_told(one)})
        degrees = {
            name: column if name in TRANSLATIONS else np.rad2deg(column)
            for name, column in zip(coordinates, one.q.T, strict=True)
        }
        write_mot(folder / f"{maker.rule.id}.mot", one.time_s, degrees)
    chosen = None
    if accepted:
        place = middle_of(references)
        chosen = accepted[place]
        write_reference(
            request.out, maker.rule, references[place], {**provenance, **_told(chosen)}
        )
    kept = {motion_name(one) for one in accepted}
    for older in request.out.glob(f"{MOTION}*"):
        if older.name not in kept:
            shutil.rmtree(older)
    result = Generated(request, tuple(accepted), tuple(rejected), chosen)
    report = {
        **provenance,
        "tried": result.tried,
        "chosen": None if chosen is None else motion_name(chosen),
        "accepted": [{"name": motion_name(one), **_told(one)} for one in accepted],
        "rejected": [{"reasons": list(one.reasons), **_told(one)} for one in rejected],
    }
    write_text_atomic(request.out / REPORT, _indented(report))
    return result


def _indented(value: Mapping[str, JsonValue]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _told(one: Attempt) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"attempt": one.number}
    for name in ("by_surrogate", "by_simulation"):
        values = getattr(one, name)
        found[name] = {
            measure: round(value, 6) if math.isfinite(value) else None
            for measure, value in values.items()
        }
    return found
