"""A trained joint selector in its folder; torch is only imported where it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qevd_bio.arrays import Float16Array, FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.atomic import sync_file, write_text_atomic
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.input_file import noted_reads, read_input, read_json_input
from qevd_bio.files.new_folder import new_folder
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.skeleton.dofs import JOINT_NAMES

if TYPE_CHECKING:
    from qevd_bio.features.joint_selector import JointSelector

FORMAT = 1
WEIGHTS_FILE, ABOUT_FILE = "selector.safetensors", "selector.json"
_NEXT_STEP = "Train it again with `qevd-bio train selector`"


@dataclass(frozen=True, slots=True)
class TrainedSelector:
    """A selector with what it was trained on.

    Attributes
    ----------
    network : JointSelector
        Ready to score.
    features : str
        Identity of the network that made the feature maps it was trained on.
    decide_s : float
        It decides from so much of a segment's beginning, in seconds.
    labels : str
        Where its labels came from.
    digest, about_sha256 : str
        Sha256 of its weights, and of the file that names them.
    """

    network: JointSelector
    features: str
    decide_s: float
    labels: str
    digest: str
    about_sha256: str

    def scores(self, maps: Float16Array) -> FloatArray | None:
        """Score the joints of a segment: mean importance over its windows, None without a map.

        Parameters
        ----------
        maps : ndarray (L, C, height, width)
            Of `segment_maps`.

        Returns
        -------
        ndarray (J,) or None
            0 to 1.
        """
        import torch

        from qevd_bio.features.joint_selector import pooled_tokens, window_means

        if not len(maps):
            return None
        with torch.inference_mode():
            windows = window_means(pooled_tokens(maps), self.network.window_maps)
            logits = self.network(torch.from_numpy(windows))
            return np.asarray(torch.sigmoid(logits).double().mean(dim=0).numpy())


def save_selector(
    folder: Path, network: JointSelector, *, features: str, decide_s: float, labels: str,
    report: JsonValue,
) -> None:  # fmt: skip
    """Write a selector as a new folder, complete or absent; arguments as in `TrainedSelector`.

    `report` holds its figures on held-out persons.
    """
    from safetensors.torch import save_file

    with new_folder(folder) as made:
        state = {
            name: one.detach().cpu().contiguous() for name, one in network.state_dict().items()
        }
        save_file(state, made / WEIGHTS_FILE)
        sync_file(made / WEIGHTS_FILE)
        about: dict[str, JsonValue] = {
            "format": FORMAT,
            "sha256": sha256_file(made / WEIGHTS_FILE),
            "channels": network.channels,
            "joints": list(JOINT_NAMES),
            "window_maps": network.window_maps,
            "features": features,
            "decide_s": decide_s,
            "labels": labels,
            "report": report,
        }
        text = dump_json(about, where=ABOUT_FILE, indent=1)
        write_text_atomic(made / ABOUT_FILE, text + "\n")


def load_selector(folder: Path) -> TrainedSelector:
    """Load what `save_selector` wrote.

    Raises
    ------
    DataError
        A file is absent, damaged, or of another format.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from qevd_bio.features.joint_selector import JointSelector

    path, weights = folder / ABOUT_FILE, folder / WEIGHTS_FILE
    with noted_reads() as noted:
        about = read_json_input(path, next_step=_NEXT_STEP)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise _bad(path, f"is not of format {FORMAT}")
    if about.get("joints") != list(JOINT_NAMES):
        raise _bad(path, "joints differ from those of this version")
    try:
        data = read_input(weights)
    except OSError as error:
        raise _bad(weights, f"cannot be read ({error.strerror or error})") from error
    if sha256(data).hexdigest() != about.get("sha256"):
        raise _bad(weights, f"differs from its digest in {ABOUT_FILE}")
    channels, window_maps = (_count(path, about, key) for key in ("channels", "window_maps"))
    decide_s = about.get("decide_s")
    if not isinstance(decide_s, int | float) or isinstance(decide_s, bool) or not decide_s > 0:
        raise _bad(path, "holds no 'decide_s' of more than 0")
    with torch.device("meta"):  # a wrong width takes no memory
        network = JointSelector(channels, window_maps)
    try:
        network.load_state_dict(load(data), strict=True, assign=True)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise _bad(weights, f"is no selector ({error})") from error
    if not all(one.dtype == torch.float32 for one in network.state_dict().values()):
        raise _bad(weights, "holds numbers that are not float32")
    return TrainedSelector(
        network.eval().requires_grad_(False),
        str(about.get("features")),
        float(decide_s),
        str(about.get("labels")),
        str(about.get("sha256")),
        noted.digests[-1][1],
    )


def _count(file: Path, about: Mapping[str, JsonValue], key: str) -> int:
    value = about.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _bad(file, f"holds no '{key}' of 1 or more")
    return value


def _bad(file: Path, cause: str) -> DataError:
    return DataError(cause, where=str(file), next_step=_NEXT_STEP)
