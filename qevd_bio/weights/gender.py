"""Whose body a model file holds: what can be known of it, and what cannot.

Certain are a stored gender and numbers equal to those of another body; a contradiction there is
an error. A file name is a hint that the user may overrule. Numbers alone tell nothing certain:
the templates of two sexes differ by less than people do.
"""

from __future__ import annotations

import re
from pathlib import Path

from qevd_bio.errors import DataError, UsageError
from qevd_bio.weights.store import WeightFolder

GENDERS = ("male", "female", "neutral")
_LETTERS = {"m": "male", "f": "female", "n": "neutral"}


def gender_in_name(path: Path) -> str | None:
    """Read a gender off a file's name, or else off its folder's.

    Parameters
    ----------
    path : Path
        Such as ``SMPL_MALE.pkl``, ``basicmodel_f_lbs_10_207_0_v1.1.0.pkl`` or
        ``female/model.npz``.

    Returns
    -------
    str or None
        ``male``, ``female`` or ``neutral``; None when the name says nothing or two things.
    """
    for text in (path.stem, path.absolute().parent.name):
        lowered = text.lower()
        said = {gender for gender in GENDERS if gender in lowered.replace("female", "")}
        said |= {"female"} if "female" in lowered else set()
        letters = [word for word in re.split(r"[^a-z0-9]+", lowered) if word in _LETTERS]
        said = said or {_LETTERS[letter] for letter in letters}
        if said:
            return said.pop() if len(said) == 1 else None
    return None


def gender_evidence(path: Path, wanted: str, stored: str | None, *, gender_known: bool) -> str:
    """Check that a file is of the gender it is imported as.

    Parameters
    ----------
    path : Path
        The file.
    wanted : str
        Gender it is imported as.
    stored : str or None
        What the file itself says.
    gender_known : bool
        Whether the user overrules a name that says otherwise or nothing.

    Returns
    -------
    str
        What the gender rests on, for the record.

    Raises
    ------
    DataError
        The file itself says another gender.
    UsageError
        The name says another gender or none, and the user has not overruled it.
    """
    if stored is not None and stored != wanted:
        raise DataError(
            f"says itself that it is the {stored} body, not the {wanted} one",
            where=str(path),
            next_step=f"Import it as the {stored} body, or take the {wanted} file",
        )
    if stored is not None:
        return f"the file says {stored}"
    named = gender_in_name(path)
    if named == wanted:
        return f"the file name says {named}"
    says = f"the {named} body" if named else "nothing of a gender"
    if gender_known:
        return f"the user says {wanted}, the file name says {says}"
    raise UsageError(
        f"is imported as the {wanted} body, but its name says {says}",
        where=str(path),
        next_step=f"Take the {wanted} file, or say that you know it is by --gender-known",
    )


def refuse_twin(path: Path, name: str, digest: str, folder: WeightFolder) -> None:
    """Refuse a body whose numbers are already there under another gender.

    Parameters
    ----------
    path : Path
        The file, for the error.
    name : str
        What it is imported as.
    digest : str
        Of its numbers.
    folder : WeightFolder
        Where the others lie; one that is damaged is no evidence and left to verification.

    Raises
    ------
    DataError
        One of the two files is not what it is taken for.
    """
    for other in folder.present():
        if other == name or other.split("_")[0] != name.split("_")[0]:
            continue
        try:
            is_same = folder.digest(other) == digest
        except DataError:
            continue
        if is_same:
            raise DataError(
                f"holds the same numbers as {other}, which was imported before: one of the two "
                "is not what it was taken for",
                where=str(path),
                next_step=f"Import the right file as {name}, or replace {other}",
            )
