"""Layers of the streaming 3D CNNs, and the names and shapes of their tensors.

The official network is that of Stream-VLM (arXiv 2407.08101; code: Qualcomm-AI-research/FitCoach
at a573ee0): a stem, 30 inverted residual blocks and a last 1x1 convolution, all with biases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from qevd_bio.errors import DataError

PREFIX = "cnn."
N_CHANNELS = 1280
TEMPORAL_TAPS = 3


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual block.

    Attributes
    ----------
    n_in, n_out : int
        Channels.
    kernel : int
        Side of the depth-wise kernel.
    stride : int
        Of the depth-wise convolution, in both directions of the picture.
    expansion : int
        Channels of the depth-wise convolution, in `n_in`; 1: there is no expansion layer.
    temporal_stride : int
        0: frames are apart. 1, 2: the expansion sees three frames, and every (second) one is kept.
    """

    n_in: int
    n_out: int
    kernel: int
    stride: int = 1
    expansion: int = 6
    temporal_stride: int = 0

    @property
    def has_residual(self) -> bool:
        """Whether the input is added to the output."""
        return self.n_in == self.n_out and self.stride == 1

    @property
    def state_frames(self) -> int:
        """Input frames kept for the next call."""
        return TEMPORAL_TAPS - self.temporal_stride if self.temporal_stride else 0


@dataclass(frozen=True, slots=True)
class CnnLayers:
    """The layers of a network.

    Attributes
    ----------
    stem_kernel, stem_stride, stem_channels : int
        Of the first convolution, which reads RGB.
    blocks : tuple of Block
        In their order.
    """

    stem_kernel: int
    stem_stride: int
    stem_channels: int
    blocks: tuple[Block, ...]

    @property
    def frames_per_feature(self) -> int:
        """Frames that one feature map takes: the product of the temporal strides."""
        steps = 1
        for block in self.blocks:
            steps *= max(1, block.temporal_stride)
        return steps


def _stage(n: int, kernel: int, temporal: str) -> tuple[Block, ...]:
    """Blocks of one width; a letter each: '.' none, 'T' temporal, '2' with temporal stride 2."""
    strides = {".": 0, "T": 1, "2": 2}
    return tuple(Block(n, n, kernel, temporal_stride=strides[letter]) for letter in temporal)


OFFICIAL_LAYERS = CnnLayers(
    stem_kernel=3,
    stem_stride=2,
    stem_channels=32,
    blocks=(
        Block(32, 24, 3, expansion=1),
        Block(24, 32, 3, stride=2), *_stage(32, 3, "T.."),
        Block(32, 56, 5, stride=2), *_stage(56, 5, "2.."),
        Block(56, 112, 3, stride=2), *_stage(112, 3, "T..2."),
        Block(112, 160, 5), *_stage(160, 5, "T..T."),
        Block(160, 272, 5, stride=2), *_stage(272, 5, "T.T...."),
        Block(272, 448, 3),
    ),
)  # fmt: skip


def cnn_shapes(layers: CnnLayers) -> dict[str, tuple[int, ...]]:
    """List the tensors of a network in their order: 182 for the official one."""
    kernel = layers.stem_kernel
    shapes = _conv(f"{PREFIX}0.0", (layers.stem_channels, 3, kernel, kernel))
    for index, block in enumerate(layers.blocks, start=1):
        name, wide = f"{PREFIX}{index}.conv", block.n_in * block.expansion
        parts = []
        if block.expansion > 1:
            taps = TEMPORAL_TAPS if block.temporal_stride else 1
            parts.append((wide, taps * block.n_in, 1, 1))
        parts.append((wide, 1, block.kernel, block.kernel))
        for part, shape in enumerate(parts):
            shapes |= _conv(f"{name}.{part}.0", shape)
        shapes |= _conv(f"{name}.{len(parts)}", (block.n_out, wide, 1, 1))
    last, n_in = len(layers.blocks) + 1, layers.blocks[-1].n_out
    return shapes | _conv(f"{PREFIX}{last}.0", (N_CHANNELS, n_in, 1, 1))


def _conv(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


_CLASSIFIER = re.compile(r"(?:module\.)?2\.1\.(weight|bias)")
_WRAPPING = re.compile(r"(?:module\.)?(?:0\.|features\.)?(?=cnn\.)")


def official_keys(shapes: Mapping[str, tuple[int, ...]], *, where: str) -> dict[str, str]:
    """Find the backbone's tensors in a checkpoint, whatever its keys are.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Of every tensor of the checkpoint, in the order of the file.
    where : str
        The file, for the error.

    Returns
    -------
    dict of str to str
        Key of the checkpoint by the name in `cnn_shapes`.

    Raises
    ------
    DataError
        Neither names nor order and shapes are those of the official network.

    Notes
    -----
    ``cnn.…`` may follow on ``0.`` (inside the classifier), ``features.`` and ``module.``
    (DataParallel). Names that differ altogether are accepted where number, order and every shape
    are those of the network, as the official loader pairs them, but none is left over. A
    classifier (``2.1``) of any size, or none, may be there.
    """
    expected = cnn_shapes(OFFICIAL_LAYERS)
    backbone = [key for key in shapes if not _CLASSIFIER.fullmatch(key)]
    named: dict[str, str] = {}
    for key in backbone:
        named.setdefault(_WRAPPING.sub("", key, count=1), key)
    if set(named) == set(expected) and len(backbone) == len(expected):
        return {name: named[name] for name in expected}
    if [shapes[key] for key in backbone] == list(expected.values()):
        return dict(zip(expected, backbone, strict=True))
    lacking = [name for name in expected if name not in named]
    unknown = [name for name in named if name not in expected]
    raise DataError(
        f"is not Stream-VLM's 3D CNN: {len(backbone)} tensors besides the classifier instead of "
        f"{len(expected)}; {len(lacking)} names are missing ({', '.join(lacking[:3])}), "
        f"{len(unknown)} unknown ({', '.join(unknown[:3])}), and the order of shapes differs",
        where=where,
        next_step="Import efficientnet4Lite_1.8.3.checkpoint of the Stream-VLM release",
    )
