"""Import: an original file, read without running it, becomes one checked safetensors file."""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import TEMPORARY_PREFIX, make_folder
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.first_bytes import looks_like
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.restricted_torch import TorchFile
from qevd_bio.files.tar_reading import (
    BROKEN_TAR,
    MOST_READ_BYTES,
    broken_tar_cause,
    opened_tar,
)
from qevd_bio.weights.body_files import read_skel, read_smpl
from qevd_bio.weights.cnn3d_import import EVIDENCE, cnn3d_tensors
from qevd_bio.weights.contents import (
    CNN3D,
    WEIGHT_NAMES,
    expected_layout,
    layout_issues,
    listed,
)
from qevd_bio.weights.gender import gender_evidence, gender_in_name, refuse_twin
from qevd_bio.weights.hsmr_shapes import (
    HEADS_KEY,
    IGNORED_PREFIX,
    OFFICIAL_HEADS,
    OFFICIAL_SIZE,
    AttentionHeads,
    HsmrSize,
    check_heads,
    heads_text,
    size_of,
)
from qevd_bio.weights.manifest import load_offers
from qevd_bio.weights.store import SCHEMA_VERSION, WeightFolder
from qevd_bio.weights.tensor_file import tensors_digest_of, write_tensors

CONVERTER_VERSION = "1"

_ARCHIVED = ("checkpoints", "hsmr.ckpt")
_MOST_ARCHIVED_BYTES = 16 * 1024**3
_MOST_ARCHIVED_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Imported:
    """A stored file, the digest of its numbers and its header."""

    name: str
    file: Path
    sha256: str
    metadata: dict[str, str]


def import_weights(
    source: Path,
    folder: WeightFolder,
    *,
    name: str | None = None,
    replace: bool = False,
    any_size: bool = False,
    gender_known: bool = False,
    heads: tuple[int, int] | None = None,
) -> Imported:
    """Read an original file and store what is needed of it.

    Parameters
    ----------
    source : Path
        ``hsmr.ckpt`` or its archive, a SKEL pickle, an SMPL pickle or .npz, the checkpoint of the
        3D CNN.
    folder : WeightFolder
        Where to; made when it is missing.
    name : str, optional
        What the file is; read off its name otherwise.
    replace : bool
        Whether earlier weights of the name may be replaced.
    any_size : bool
        Whether an HSMR network of another size than the official one is accepted.
    gender_known : bool
        Whether the user overrules a file name with another gender or none.
    heads : (int, int), optional
        Attention heads of backbone and head of an HSMR network of another size, which nothing in
        the file shows; those of the release otherwise.

    Raises
    ------
    DataError
        The file is absent, damaged, unsafe, or not what it is imported as; nothing was written.
    UsageError
        The name is unknown or cannot be read off the file name, weights are there already, or
        the attention heads do not fit.
    """
    name = name or name_of(source)
    target = folder.file(name)
    if target.exists() and not replace:
        raise UsageError(
            f"{name} was imported before",
            where=str(target),
            next_step="Give --replace to import it again",
        )
    stored_name, source = source.name, source.resolve()  # a person named it: a link is followed
    source_sha256 = sha256_file(source)
    offer = load_offers()[name]
    metadata = {
        "name": name,
        "schema_version": SCHEMA_VERSION,
        "source_file": stored_name,
        "source_sha256": source_sha256,
        "licence": f"{offer.licence}. Redistribution: {offer.redistribution}",
        "converter_version": CONVERTER_VERSION,
    }
    if name == "hsmr":
        with _checkpoint(source, folder) as checkpoint:
            tensors, size = _hsmr_tensors(source, checkpoint, any_size=any_size)
            metadata |= {
                "official_size": "yes" if size == OFFICIAL_SIZE else "no",
                "evidence": "names and shapes of all tensors",
                **_given_heads(source, heads, size),
            }
            return Imported(name, target, write_tensors(target, tensors, metadata), metadata)
    if heads is not None:
        raise UsageError("has no attention heads", where=name, next_step="Leave --heads out")
    if name == CNN3D:
        metadata |= {"official_size": "yes", "evidence": EVIDENCE}
        digest = write_tensors(target, cnn3d_tensors(source), metadata)
        return Imported(name, target, digest, metadata)
    tensors, stored = read_skel(source) if name.startswith("skel_") else read_smpl(source)
    metadata["official_size"] = "yes"
    metadata["evidence"] = gender_evidence(
        source, name.split("_")[1], stored, gender_known=gender_known
    )
    refuse_twin(source, name, tensors_digest_of(tensors), folder)
    return Imported(name, target, write_tensors(target, tensors, metadata), metadata)


def name_of(source: Path) -> str:
    """Read off a file's name what it is; `UsageError` where that is not possible."""
    lowered = source.name.lower()
    gender = gender_in_name(source)
    if "hsmr" in lowered:
        return "hsmr"
    if "efficientnet4lite" in lowered or CNN3D in lowered:
        return CNN3D
    for word, kind in (("skel", "skel"), ("smpl", "smpl"), ("basicmodel", "smpl")):
        if word in lowered and f"{kind}_{gender}" in WEIGHT_NAMES:
            return f"{kind}_{gender}"
    raise UsageError(
        "its name does not show what it is",
        where=str(source),
        next_step=f"Give --as with one of {', '.join(WEIGHT_NAMES)}",
    )


def _hsmr_tensors(
    source: Path, checkpoint: TorchFile, *, any_size: bool
) -> tuple[Mapping[str, NDArray[Any]], HsmrSize]:
    notes = {
        key: note
        for key, note in checkpoint.mapping("state_dict").items()
        if not key.startswith(IGNORED_PREFIX)
    }
    found = {key: checkpoint.layout(note) for key, note in notes.items()}
    size = size_of({key: shape for key, (_, shape) in found.items()})
    # One wrong shape may read as another size: report the comparison with fewer issues.
    layouts = (expected_layout("hsmr", found, any_size=own) for own in (True, False))
    issues = min((layout_issues(found, layout) for layout in layouts), key=len)
    if issues:
        raise DataError(
            listed(issues),
            where=str(source),
            next_step="Download the official checkpoint again",
        )
    if size != OFFICIAL_SIZE and not any_size:
        raise DataError(
            f"is an HSMR network of another size (width {size.width}, {size.depth} blocks, "
            f"{size.layers} layers) than the official one",
            where=str(source),
            next_step="Give --allow-other-size if this is intended",
        )
    tensors = {key: checkpoint.array(note) for key, note in notes.items()}
    broken = [key for key, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if broken:
        raise DataError(
            f"holds NaN or inf in {listed(sorted(broken))}",
            where=str(source),
            next_step="Download the official checkpoint again",
        )
    return tensors, size


def _given_heads(source: Path, given: tuple[int, int] | None, size: HsmrSize) -> dict[str, str]:
    """Check attention heads and give them as the header's entry; the release's have none."""
    if given is None:
        return {}
    heads = AttentionHeads(*given)
    try:
        if size == OFFICIAL_SIZE and heads != OFFICIAL_HEADS:
            raise ValueError(f"the official network has {heads_text(OFFICIAL_HEADS)}")
        check_heads(heads, size)
    except ValueError as error:
        raise UsageError(
            f"cannot have {heads_text(heads)} attention heads: {error}",
            where=str(source),
            next_step="Give --heads BACKBONE HEAD as the network was trained",
        ) from error
    return {} if size == OFFICIAL_SIZE else {HEADS_KEY: heads_text(heads)}


@contextmanager
def _checkpoint(source: Path, folder: WeightFolder) -> Iterator[TorchFile]:
    """Open a checkpoint, out of its archive if it is in one."""
    if not re.search(r"\.(tar\.gz|tgz)$", source.name.lower()):
        yield TorchFile(source, where=str(source))
        return
    make_folder(folder.path)
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=TEMPORARY_PREFIX) as temporary:
        inner = Path(temporary) / "checkpoint"
        try:
            _take_out(source, inner)
        except BROKEN_TAR as error:
            with open_regular(source, follow_links=True) as file:
                seen = looks_like(file.read(512))
            raise DataError(
                f"is no sound archive of HSMR ({broken_tar_cause(error)}); it {seen}",
                where=str(source),
                next_step="Download the archive again, or unpack it and import hsmr.ckpt",
            ) from error
        yield TorchFile(inner, where=f"{source} ({'/'.join(_ARCHIVED)})")


def _take_out(source: Path, target: Path) -> None:
    """Copy one member's bytes; no path, link, owner or mode of the archive is used."""
    with (
        open_regular(source, follow_links=True) as packed,
        gzip.GzipFile(fileobj=packed) as unpacked,
        opened_tar(unpacked) as archive,
    ):
        n_bytes = 0
        for count, member in enumerate(archive, start=1):
            n_bytes += member.size
            parts = PurePosixPath(member.name).parts
            if count > _MOST_ARCHIVED_MEMBERS or n_bytes > _MOST_ARCHIVED_BYTES:
                raise ValueError("it unpacks to more than a checkpoint can be")
            if member.name.startswith("/") or ".." in parts:
                raise ValueError(f"member {member.name[:80]!r} would leave its folder")
            if parts[-2:] != _ARCHIVED:
                continue
            held = archive.extractfile(member) if member.isreg() else None
            if held is None or member.issparse():
                raise ValueError(f"member {member.name[:80]!r} is no file")
            with target.open("xb") as file:
                while block := held.read(MOST_READ_BYTES):
                    file.write(block)
            return
    raise ValueError(f"it holds no {'/'.join(_ARCHIVED)}")
