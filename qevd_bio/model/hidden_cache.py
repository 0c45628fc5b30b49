"""Hidden states below everything that is trained, computed once for each sequence.

B sequences, S tokens, H width of the language model

In the recipe `fusion` nothing below the first cross-attention changes from step to step: on a CPU
this is a good part of the cost. The states belong to a sequence as it was laid out, motion
contexts included, since every token after a slot depends on the slot in the first layer already.
Sequences whose contexts are the same in each epoch are found again; ones that are laid out
anew, as with contexts left out by chance, are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path
from qevd_bio.model.batch import collate
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.layout import Example

_KEY = "states"


class HiddenCache:
    """States of sequences by what they are computed from.

    Parameters
    ----------
    model : CoachModel
        After `make_trainable`, which decides how deep the frozen part is.
    folder : Path, optional
        Where states are kept from run to run; in memory without one.
    most_bytes : int
        When so much is kept, further states are computed each time.

    Attributes
    ----------
    depth : int
        Number of decoder layers that are skipped; with 0 there is nothing to keep.
    found, computed : int
        How many sequences were found, and how many computed.
    """

    def __init__(
        self, model: CoachModel, *, folder: Path | None = None, most_bytes: int = 8 * 1024**3
    ) -> None:
        self._model = model
        self._folder = folder
        self._held: dict[str, Tensor] = {}
        self._most_bytes = most_bytes
        self.depth = model.frozen_depth()
        self._lower = _digest_of_lower(model, self.depth) if self.depth else ""
        self._bytes = 0
        if folder is not None and folder.is_dir():
            self._bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        self.found = self.computed = 0

    def states(self, examples: Sequence[Example]) -> Tensor | None:
        """Give ``lower`` for a batch of these sequences.

        Parameters
        ----------
        examples : sequence of Example
            The B sequences that were joined to the batch, in its order.

        Returns
        -------
        Tensor (B, S, H) or None
            On the model's device, 0 at the padding; None where nothing is frozen.

        Raises
        ------
        DataError
            The trained part reaches deeper than when the cache was made.
        """
        if self.depth == 0:
            return None
        if self._model.frozen_depth() != self.depth:
            raise DataError(
                "the trained part of the coach changed since the cache was made",
                where="hidden states",
                next_step="Make the cache after make_trainable",
            )
        device = self._model.language.device
        rows = [self._one(example).to(device) for example in examples]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def _one(self, example: Example) -> Tensor:
        key = self._name(example)
        held = self._read(key)
        if held is not None:
            self.found += 1
            return held
        self.computed += 1
        batch = collate([example]).to(self._model.language.device)
        states = self._model.lower_states(batch)[0].cpu()
        if self._bytes + states.nbytes <= self._most_bytes:
            self._write(key, states)
        return states

    def _name(self, example: Example) -> str:
        digest = hashlib.sha256(self._lower.encode())
        for array in (example.ids, example.positions, example.slot, example.in_slot):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def _read(self, key: str) -> Tensor | None:
        if self._folder is None:
            return self._held.get(key)
        path = self._folder / f"{key}.safetensors"
        if not path.is_file():
            return None
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)[_KEY]
        except (SafetensorError, KeyError, OSError) as error:
            raise DataError(
                f"cannot be read ({error})",
                where=str(path),
                next_step="Remove the file; it is computed again",
            ) from error

    def _write(self, key: str, states: Tensor) -> None:
        self._bytes += states.nbytes
        if self._folder is None:
            self._held[key] = states
            return
        from safetensors.torch import save_file

        with atomic_path(self._folder / f"{key}.safetensors") as temporary:
            save_file({_KEY: states.contiguous()}, temporary)


def _digest_of_lower(model: CoachModel, depth: int) -> str:
    """Hash the weights that the states are computed with, and how many layers they are."""
    decoder = model.language.model
    digest = hashlib.sha256(f"{depth} {decoder.config.to_json_string()}".encode())
    for module in (decoder.embed_tokens, *decoder.layers[:depth]):
        for name, tensor in sorted(module.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
