"""The gender of the body in a model file: what can be known of it, and what cannot.

Certain are a stored gender and numbers equal to those of another body; a contradiction there is
an error. A file name is a hint that the user may overrule. Numbers alone prove no gender: the
templates of two sexes differ by less than people do.
"""

from __future__ import annotations

import re
from pathlib import Path

from qevd_bio.errors import DataError, UsageError
from qevd_bio.weights.store import WeightFolder

GENDERS = ("male", "female", "neutral")
_LETTERS = {"m": "male", "f": "female", "n": "neutral"}


def gender_in_name(path: Path) -> str | None:
    """Read a gender off a file's name, or else off its folder's; None for none or two.

    Such as ``SMPL_MALE.pkl``, ``basicmodel_f_lbs_10_207_0_v1.1.0.pkl`` or ``female/model.npz``.
    """
    stem, folder = path.stem.lower(), path.absolute().parent.name.lower()
    words = set(re.split(r"[^a-z0-9]+", stem))
    found = {gender for gender in GENDERS if gender in stem.replace("female", "")}
    found |= {"female"} if "female" in stem else set()
    found = found or {gender for letter, gender in _LETTERS.items() if letter in words}
    found = found or {folder} & set(GENDERS)
    return found.pop() if len(found) == 1 else None


def gender_evidence(path: Path, wanted: str, stored: str | None, *, gender_known: bool) -> str:
    """Check that a file is of the gender it is imported as; return what the gender rests on.

    Parameters
    ----------
    path : Path
        The file.
    wanted : str
        Gender it is imported as.
    stored : str or None
        Gender stored in the file.
    gender_known : bool
        Whether the user overrules a name with another gender or none.

    Raises
    ------
    DataError
        The file itself holds another gender.
    UsageError
        The name holds another gender or none, and the user has not overruled it.
    """
    if stored is not None and stored != wanted:
        raise DataError(
            f"holds the {stored} body, not the {wanted} one: its stored gender is {stored}",
            where=str(path),
            next_step=f"Import it as the {stored} body, or take the {wanted} file",
        )
    if stored is not None:
        return f"stored gender {stored}"
    named = gender_in_name(path)
    if named == wanted:
        return f"file name: {named}"
    in_name = named or "no gender"
    if gender_known:
        return f"given by the user: {wanted}; file name: {in_name}"
    raise UsageError(
        f"is imported as the {wanted} body, but its name holds {in_name}",
        where=str(path),
        next_step=f"Take the {wanted} file, or give --gender-known if you know that it is",
    )


def refuse_twin(path: Path, name: str, digest: str, folder: WeightFolder) -> None:
    """Refuse a body with numbers that are already there under another gender.

    One of the two files is wrong then. A file that is damaged is no evidence and left to
    verification.
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
                "is wrong",
                where=str(path),
                next_step=f"Import the right file as {name}, or replace {other}",
            )
