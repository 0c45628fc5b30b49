"""Where the data folders that travel with the package lie."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.errors import EnvironmentProblem

DATA_FOLDERS = ("rules", "references", "prompts", "manifests")

_PACKAGE = Path(__file__).resolve().parent


def asset_path(folder: str, *parts: str) -> Path:
    """Find a file or folder that ships with the package.

    Parameters
    ----------
    folder : str
        One of ``rules``, ``references``, ``prompts``, ``manifests``.
    *parts : str
        Path inside that folder; none for the folder itself.

    Returns
    -------
    Path
        Inside the installed wheel (``qevd_bio/_data``) or beside the package in a checkout.

    Raises
    ------
    EnvironmentProblem
        The folder name is unknown, or the file is in neither place.
    """
    if folder not in DATA_FOLDERS:
        raise EnvironmentProblem(
            f"'{folder}' is no data folder of the package",
            where="qevd_bio.assets",
            next_step=f"Use one of {', '.join(DATA_FOLDERS)}",
        )
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        candidate = root.joinpath(folder, *parts)
        if candidate.exists():
            return candidate
    raise EnvironmentProblem(
        "not found in the installed package or the checkout",
        where="/".join((folder, *parts)),
        next_step="Reinstall qevd_bio; the wheel carries this file",
    )
