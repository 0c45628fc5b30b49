"""The folder of imported weights: one safetensors file a name, checked whenever it is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from safetensors import SafetensorError

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.weights.contents import WEIGHT_NAMES, expected_layout, layout_issues, listed
from qevd_bio.weights.hsmr_shapes import AttentionHeads, heads_of
from qevd_bio.weights.tensor_file import DIGEST_KEY, SUFFIX, read_layout, tensors_digest_of

if TYPE_CHECKING:
    import torch

FOLDER_VARIABLE = "QEVD_BIO_WEIGHTS"
SCHEMA_VERSION = "1"
METADATA_KEYS = (
    "name", "schema_version", "source_file", "source_sha256", "licence", "converter_version",
    "official_size", "evidence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of one stored file, on the CPU: float32 for networks, else float64, int32.

    `metadata` holds `METADATA_KEYS` and the digest. `sha256`, of names, types, shapes and numbers,
    was checked at loading; it does not change when the same weights are imported from a file of
    another name.
    """

    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]
    sha256: str

    def heads(self) -> AttentionHeads:
        """Return the attention heads of a network's backbone and head."""
        return heads_of(self.metadata)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the tensors as NumPy arrays on the same memory."""
        return {key: tensor.numpy() for key, tensor in self.tensors.items()}


def default_folder() -> Path:
    """Return the folder of the environment variable, else one among the user's data."""
    named = os.environ.get(FOLDER_VARIABLE, "")
    if named:
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if home else Path.home() / ".local" / "share") / "qevd_bio" / "weights"


@dataclass(frozen=True, slots=True)
class WeightFolder:
    """A folder of imported weights; reading never makes it."""

    path: Path

    def file(self, name: str) -> Path:
        """Return the place of a weight file, there or not; `UsageError` for an unknown name."""
        if name not in WEIGHT_NAMES:
            raise UsageError(
                f"there are no weights named {name!r}",
                where="weights",
                next_step=f"Use one of {', '.join(WEIGHT_NAMES)}",
            )
        return self.path / f"{name}{SUFFIX}"

    def present(self) -> list[str]:
        """List the names that have a file, in a fixed order."""
        return [name for name in WEIGHT_NAMES if self.file(name).is_file()]

    def metadata(self, name: str) -> dict[str, str]:
        """Read the header and check names, types and shapes; no number is read.

        Raises
        ------
        EnvironmentProblem
            The weights were not imported.
        DataError
            The file is damaged, or holds something else.
        """
        path = self.file(name)
        if not path.is_file():
            raise EnvironmentProblem(
                "these weights were not imported",
                where=str(path),
                next_step=f"Obtain them as in 'qevd-bio weights list', then run 'qevd-bio "
                f"weights import FILE --as {name}'",
            )
        found, metadata = read_layout(path)
        lacking = [key for key in (*METADATA_KEYS, DIGEST_KEY) if key not in metadata]
        if lacking:
            issues = [f"its header lacks {', '.join(lacking)}"]
        elif (metadata["name"], metadata["schema_version"]) != (name, SCHEMA_VERSION):
            issues = [f"its header holds {metadata['name']}, schema {metadata['schema_version']}"]
        else:
            any_size = metadata["official_size"] == "no"
            issues = layout_issues(found, expected_layout(name, found, any_size=any_size))
            try:
                heads_of(metadata)
            except ValueError as error:
                issues.append(str(error))
        if issues:
            raise _damaged(path, listed(issues))
        return metadata

    def load(self, name: str) -> Weights:
        """Load weights of a name in `WEIGHT_NAMES` and check them against their digest.

        Raises
        ------
        EnvironmentProblem
            The weights were not imported.
        DataError
            The file is damaged, or holds something else.
        UsageError
            No weights of this name exist.
        """
        from safetensors.torch import load_file

        metadata = self.metadata(name)
        path = self.file(name)
        try:
            # copied out of the mapped file, in which they could still change
            tensors = {key: tensor.clone() for key, tensor in load_file(path).items()}
            digest = tensors_digest_of({key: one.numpy() for key, one in tensors.items()})
        except (SafetensorError, OSError, KeyError, TypeError) as error:
            raise _damaged(path, str(error)) from error
        if digest != metadata[DIGEST_KEY]:
            raise _damaged(path, "its numbers are not those that were imported")
        return Weights(tensors=tensors, metadata=metadata, sha256=digest)

    def digest(self, name: str) -> str:
        """Return the digest that a header records, without reading the numbers, as `metadata`."""
        return self.metadata(name)[DIGEST_KEY]


def _damaged(path: Path, cause: str) -> DataError:
    return DataError(
        " ".join(cause.split())[:2000],
        where=str(path),
        next_step="Import the original again with 'qevd-bio weights import FILE --replace'",
    )
