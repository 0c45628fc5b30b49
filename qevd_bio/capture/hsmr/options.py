"""What a run with HSMR is asked for, without loading what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

from qevd_bio.capture.hsmr.config import LANDMARKS, HsmrConfig
from qevd_bio.choices import Device, Precision, suggestion
from qevd_bio.errors import UsageError

_DEFAULT = HsmrConfig()


@dataclass(frozen=True, slots=True)
class HsmrOptions:
    """Options of the HSMR backend as the command line gives them.

    `weights` is a folder, empty for the user's own; `detector` is ``landmarks`` or the folder of
    a transformers model; an empty `precision` is fp16 on a GPU and fp32 on a CPU. The others are
    those of `HsmrConfig`.
    """

    weights: str = ""
    detector: str = LANDMARKS
    device: str = "cuda"
    precision: str = ""
    batch_size: int = _DEFAULT.batch_size
    flip_every: int = _DEFAULT.flip_every
    detect_every: int = _DEFAULT.detect_every
    compiled: bool = _DEFAULT.compiled

    def named_device(self) -> Device:
        """Check the name of the device; `UsageError` for an unknown one."""
        return cast("Device", _one_of("--device", self.device, get_args(Device)))

    def config(self) -> HsmrConfig:
        """Resolve and check the settings.

        Raises
        ------
        UsageError
            A device or precision does not exist, or a number is off.
        """
        precision = self.precision or ("fp16" if self.named_device() == "cuda" else "fp32")
        _one_of("--precision", precision, get_args(Precision))
        return HsmrConfig(
            precision=cast("Precision", precision),
            batch_size=self.batch_size,
            flip_every=self.flip_every,
            detect_every=self.detect_every,
            compiled=self.compiled,
        )


def hsmr_options_for(backend: str, given: Mapping[str, str | int | None]) -> HsmrOptions | None:
    """Keep the options of HSMR that were given, for the backend ``hsmr``.

    Raises `UsageError` where some are given for another backend.
    """
    named = {name: value for name, value in given.items() if value is not None}
    if backend == "hsmr":
        return HsmrOptions(**named)  # type: ignore[arg-type]
    if named:
        raise UsageError(
            f"does not take {', '.join(sorted(named))}",
            where=f"backend {backend}",
            next_step="Give `--backend hsmr` as well, or leave the option out",
        )
    return None


def _one_of(option: str, name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise UsageError(f"there is no '{name}'", where=option, next_step=suggestion(name, known))
    return name
