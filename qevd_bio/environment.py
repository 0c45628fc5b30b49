"""What is installed, what is missing, and the command that fixes it."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from qevd_bio.assets import DATA_FOLDERS, asset_path
from qevd_bio.errors import QevdBioError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.llm.endpoint import Endpoint

State = Literal["ok", "warn", "fail"]

_BASE = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "torch",
    "av",
    "jsonschema",
    "safetensors",
    "openai",
    "tqdm",
    "jinja2",
)
_SPARE_BYTES = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the examination.

    Attributes
    ----------
    name, state, detail : str
        What was looked at, ``ok``, ``warn`` or ``fail``, and what was found.
    fix : str
        The command or step that fixes it; empty when nothing is wrong.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


def examine(
    work: Path, data_root: Path | None, endpoint: Callable[[], Endpoint] | None = None
) -> list[Check]:
    """Examine the environment, in the order in which a new user would fix it.

    The work folder is not created; the data root is checked where one is given, and an endpoint of
    a language model where one is named, whose first model is tried where it names none.
    """
    return [
        _python(),
        *map(_package, _BASE),
        _capture_backend(),
        _plots(),
        *(_data_folder(folder) for folder in DATA_FOLDERS),
        _rules(),
        _gpu(),
        _weights(),
        _space(work),
        _durable_writes(work),
        *(_source_data(data_root) if data_root is not None else ()),
        *(_endpoint(endpoint) if endpoint is not None else ()),
    ]


def _python() -> Check:
    return Check("python", "ok", platform.python_version())


def _package(name: str) -> Check:
    try:
        importlib.import_module(name)
        return Check(name, "ok", version(name))
    except (ImportError, OSError, PackageNotFoundError) as error:
        return Check(name, "fail", _line(error), "pip install qevd-bio")


def _capture_backend() -> Check:
    """Check that the detector's runtime and its default networks load."""
    from qevd_bio.capture.config import PersonConfig
    from qevd_bio.capture.detector.networks import RUNTIME, Networks

    try:
        Networks(PersonConfig().detector_model)
    except QevdBioError as error:
        return Check(RUNTIME, "fail", error.message, error.next_step)
    return Check(RUNTIME, "ok", version(RUNTIME))


def _plots() -> Check:
    try:
        return Check("matplotlib", "ok", version("matplotlib"))
    except PackageNotFoundError:
        return Check("matplotlib", "warn", "no plots without it", 'pip install "qevd-bio[plot]"')


def _data_folder(folder: str) -> Check:
    try:
        return Check(folder, "ok", f"{sum(1 for _ in asset_path(folder).iterdir())} files")
    except QevdBioError as error:
        return Check(folder, "fail", error.message, "pip install --force-reinstall qevd-bio")


def _rules() -> Check:
    from qevd_bio.exercises.load import load_rules

    try:
        rules = load_rules()
    except QevdBioError as error:
        return _failed("exercise rules", error)
    return Check("exercise rules", "ok", ", ".join(sorted(rules)))


def _gpu() -> Check:
    try:
        torch = importlib.import_module("torch")
        if torch.cuda.is_available():
            return Check("gpu", "ok", str(torch.cuda.get_device_name(0)))
    except (ImportError, OSError, RuntimeError) as error:
        return Check("gpu", "warn", _line(error), "the built-in backend needs none")
    return Check("gpu", "ok", "none; the built-in backend needs none")


def _weights() -> Check:
    from qevd_bio.weights.inventory import inventory
    from qevd_bio.weights.store import WeightFolder, default_folder

    folder = default_folder()
    try:
        entries = inventory(WeightFolder(folder))
    except QevdBioError as error:
        return _failed("weights", error)
    damaged = [entry.name for entry in entries if entry.state == "damaged"]
    if damaged:
        detail = f"{', '.join(damaged)} damaged in {folder}"
        return Check("weights", "warn", detail, "qevd-bio weights verify")
    names = ", ".join(entry.name for entry in entries if entry.state == "imported")
    return Check("weights", "ok", f"{names or 'none; the built-in backend needs none'} ({folder})")


def _space(work: Path) -> Check:
    free = shutil.disk_usage(_existing(work)).free
    detail = f"{free / 1024**3:.0f} GiB free at {work}"
    if free < _SPARE_BYTES:
        return Check("disk space", "warn", detail, "Choose another --work folder")
    return Check("disk space", "ok", detail)


def _durable_writes(work: Path) -> Check:
    name, folder = "durable writes", _existing(work)
    fix = f"Make {folder} writable or choose --work"
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".qevd-bio-") as probe:
            file = Path(probe) / "probe"
            write_text_atomic(file, "1")
            write_text_atomic(file, "2")
            if file.read_text(encoding="utf-8") != "2":
                return Check(name, "fail", "a replaced file shows its old content", fix)
    except OSError as error:
        return Check(name, "fail", _line(error), fix)
    return Check(name, "ok", "replace and fsync work")


def _source_data(data_root: Path) -> list[Check]:
    from qevd_bio.qevd.completeness import split_counts
    from qevd_bio.qevd.load import load_records

    try:
        loaded = load_records(data_root)
    except QevdBioError as error:
        return [_failed("source data", error)]
    checks = []
    for count in split_counts(loaded):
        complete = count.present == count.expected
        detail = (
            f"{count.present} of {count.expected} videos are there, {count.records} have a record"
        )
        fix = "" if complete else "what is there will be processed; the rest is at QEVD's owner"
        checks.append(Check(f"{count.split} split", "ok" if complete else "warn", detail, fix))
    for record in loaded.rejected:
        name = f"{record.split} record {record.index}"
        checks.append(Check(name, "warn", record.reason, "Correct the record; others are used"))
    return checks


def _endpoint(given: Callable[[], Endpoint]) -> list[Check]:
    """Try out a language model; the calls are not kept."""
    from qevd_bio.llm.cache import AnswerFile
    from qevd_bio.llm.probe import first_model, offers

    checks: list[Check] = []
    try:
        endpoint = given()
        with (
            tempfile.TemporaryDirectory(prefix="qevd-bio-") as folder,
            AnswerFile(Path(folder) / "answers.jsonl") as answers,
        ):
            if not endpoint.model:
                endpoint = replace(endpoint, model=first_model(endpoint, answers))
            checks.append(_address(endpoint))
            for one in offers(endpoint, answers):
                state: State = "ok" if one.is_there else "warn"
                checks.append(Check(f"model {one.name}", state, one.found, _FIXES[one.name]))
    except QevdBioError as error:
        checks.append(_failed("language model", error))
    return [one if one.state != "ok" else replace(one, fix="") for one in checks]


def _address(endpoint: Endpoint) -> Check:
    key = "with a key" if endpoint.key else "without a key"
    detail = f"{endpoint.model} at {endpoint.base_url}, {key}"
    if endpoint.key and not endpoint.is_private:
        fix = "Use https, or a server on this machine"
        return Check("language model", "warn", f"{detail}, which travels unencrypted", fix)
    return Check("language model", "ok", detail)


_FIXES = {
    "models": "Give --model one of the server's names",
    "structured output": "works without; vLLM and Ollama offer it",
    "vision": "only `annotate joints` needs it",
    "speed": "See docs/llm.md",
}


def _failed(name: str, error: QevdBioError) -> Check:
    return Check(name, "fail", f"{error.where}: {error.message}", error.next_step)


def _existing(folder: Path) -> Path:
    path = folder.absolute()
    while not os.path.isdir(path):  # noqa: PTH112  a broken link has a parent too
        path = path.parent
    return path


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
