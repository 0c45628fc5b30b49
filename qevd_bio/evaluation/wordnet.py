"""WordNet 3.0 for METEOR: taken from Debian's package wordnet-base and kept in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.new_folder import new_folder

if TYPE_CHECKING:
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

FOLDER_VARIABLE = "QEVD_BIO_WORDNET"
PACKAGE = "wordnet-base"
SETUP = "Run 'qevd-bio evaluate wordnet'"

_PARTS = ("noun", "verb", "adj", "adv")
_FILES = (
    *(f"{kind}.{part}" for kind in ("data", "index") for part in _PARTS),
    *(f"{part}.exc" for part in _PARTS),
)
# Debian leaves this file out; names and numbers are those of its manual page lexnames(5WN).
_LEXNAMES = (
    ("adj", 3, "all pert"),
    ("adv", 4, "all"),
    (
        "noun",
        1,
        "Tops act animal artifact attribute body cognition communication event feeling food group "
        "location motive object person phenomenon plant possession process quantity relation "
        "shape state substance time",
    ),
    (
        "verb",
        2,
        "body change cognition communication competition consumption contact creation emotion "
        "motion perception possession social stative weather",
    ),
    ("adj", 3, "ppl"),
)
_INSTALLED = Path("/usr/share/wordnet")


def default_folder() -> Path:
    """Return the folder of the environment variable, else one among the user's cached files."""
    named = os.environ.get(FOLDER_VARIABLE, "")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "qevd_bio" / "wordnet"


def set_up_wordnet(target: Path | None = None, source: Path | None = None) -> Path:
    """Make a folder with WordNet 3.0 in the form that nltk reads.

    Parameters
    ----------
    target : Path, optional
        The new folder; `default_folder` without it. One that is complete stays as it is.
    source : Path, optional
        Folder with WordNet's ``data.noun`` and the like. Without it, that of the installed
        package, else ``apt-get`` downloads the package, which needs no root and installs nothing.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    EnvironmentProblem
        The package can be neither found nor downloaded.
    DataError
        The source lacks a file, or is of another version.
    """
    target = target or default_folder()
    if is_complete(target):
        return target
    if source is None and _INSTALLED.is_dir():
        source = _INSTALLED
    if source is not None:
        return _copied(source, target)
    with tempfile.TemporaryDirectory() as temporary:
        return _copied(_downloaded(Path(temporary)), target)


def is_complete(folder: Path) -> bool:
    """Tell whether a folder holds all files of `set_up_wordnet`."""
    return all((folder / name).is_file() for name in (*_FILES, "lexnames"))


def load_wordnet(folder: Path | None = None) -> WordNetCorpusReader:
    """Load WordNet; `EnvironmentProblem` where nltk or the folder is missing."""
    folder = folder or default_folder()
    try:
        import nltk.data
        from nltk.corpus.reader.wordnet import WordNetCorpusReader
    except ImportError as error:
        raise EnvironmentProblem(
            "nltk is not installed",
            where="METEOR",
            next_step='pip install "qevd-bio[evaluation]"',
        ) from error
    if not is_complete(folder):
        raise EnvironmentProblem("holds no WordNet", where=str(folder), next_step=SETUP)
    root = str(folder.resolve())
    if root not in nltk.data.path:
        nltk.data.path.append(root)  # nltk reads from no folder outside of its list

    class EnglishWordNet(WordNetCorpusReader):  # type: ignore[misc]
        """Without the numbers of other languages, which take seconds and an index of senses."""

        def map_wn(self, version: str = "wordnet") -> None:
            return None

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The multilingual functions")
        return EnglishWordNet(root, None)


def _copied(source: Path, target: Path) -> Path:
    missing = [name for name in _FILES if not (source / name).is_file()]
    if missing:
        raise DataError(
            f"lacks {', '.join(missing[:3])}",
            where=str(source),
            next_step=f"Give the folder share/wordnet of Debian's package {PACKAGE}",
        )
    with (source / "data.noun").open(encoding="utf-8") as file:
        if not any("WordNet 3.0" in line for line in islice(file, 30)):
            raise DataError(
                "is not WordNet 3.0, of which METEOR's synonyms are",
                where=str(source / "data.noun"),
                next_step=f"Give the folder share/wordnet of Debian's package {PACKAGE}",
            )
    with new_folder(target) as made:
        for name in _FILES:
            shutil.copyfile(source / name, made / name)
        names = [
            (f"{of}.{name}", number) for of, number, all_ in _LEXNAMES for name in all_.split()
        ]
        lines = [f"{place:02d}\t{name}\t{part}\n" for place, (name, part) in enumerate(names)]
        write_text_atomic(made / "lexnames", "".join(lines))
    return target


def _downloaded(folder: Path) -> Path:
    """Download the package and unpack it; return the folder with WordNet's files."""
    _called(["apt-get", "download", "-qq", PACKAGE], folder)
    archive = next(folder.glob(f"{PACKAGE}_*.deb"), None)
    if archive is None:
        raise _unobtained("apt-get downloaded nothing")
    _called(["dpkg-deb", "-x", archive.name, "unpacked"], folder)
    return folder / "unpacked" / "usr" / "share" / "wordnet"


def _called(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unobtained(f"{command[0]} did not run: {error}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise _unobtained(f"{command[0]} failed: {last[0][:200]}")


def _unobtained(cause: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        cause,
        where="WordNet",
        next_step=f"Install Debian's package {PACKAGE}, or give --from a folder of WordNet 3.0",
    )
