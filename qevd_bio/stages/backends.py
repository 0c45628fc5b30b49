"""Choose the capture backend of a run by its name."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.capture.backend import BACKENDS, HSMR, MEDIAPIPE, RECORDED, Backend
from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.choices import BackendName, DetectorModel, suggestion
from qevd_bio.errors import UsageError


def backend_named(
    name: BackendName,
    *,
    detector_model: DetectorModel | None = None,
    recorded_root: Path | None = None,
    hsmr: HsmrOptions | None = None,
) -> Backend:
    """Set up the backend of a run.

    Parameters
    ----------
    name : str
        One of `BACKENDS`.
    detector_model : str, optional
        Only for ``mediapipe``; ``heavy`` if not given.
    recorded_root : Path, optional
        Folder of recorded motion; only for ``recorded``, which needs it.
    hsmr : HsmrOptions, optional
        Only for ``hsmr``; the defaults if not given.

    Raises
    ------
    UsageError
        There is no such backend, or its options do not belong to it.
    DataError, EnvironmentProblem
        Weights or detector of HSMR cannot be used.
    """
    if name not in BACKENDS:
        cause, next_step = "no such backend", suggestion(name, BACKENDS)
    elif (name == RECORDED) != (recorded_root is not None):
        cause = "`--backend recorded` and `--recorded-root` need each other"
        next_step = "Give both, or neither to capture the videos"
    elif detector_model is not None and name != MEDIAPIPE:
        cause, next_step = (
            "takes no detector_model",
            f"Give `--backend {MEDIAPIPE}`, or leave it out",
        )
    elif hsmr is not None and name != HSMR:
        cause, next_step = "takes no options of HSMR", "Give `--backend hsmr`, or leave them out"
    elif recorded_root is not None and not recorded_root.is_dir():
        raise UsageError(
            "is no folder",
            where=str(recorded_root),
            next_step="Name the folder of the recorded motion with --recorded-root",
        )
    else:
        return _backend(name, detector_model, recorded_root, hsmr or HsmrOptions())
    raise UsageError(cause, where=f"backend {name}", next_step=next_step)


def _backend(
    name: BackendName,
    detector_model: DetectorModel | None,
    recorded_root: Path | None,
    hsmr: HsmrOptions,
) -> Backend:
    """Import the backend only here: torch, PyAV and LiteRT are large."""
    if recorded_root is not None:
        from qevd_bio.capture.recorded.backend import RecordedBackend

        return RecordedBackend(recorded_root)
    if name == MEDIAPIPE:
        from qevd_bio.capture.monocular.backend import MediaPipeBackend

        return MediaPipeBackend.with_detector(detector_model)
    if name == HSMR:
        from qevd_bio.capture.hsmr.backend import HsmrBackend

        return HsmrBackend.from_options(hsmr)
    raise NotImplementedError(f"backend {name} has no line in stages/backends.py")
