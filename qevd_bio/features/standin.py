"""The stand-in: a small network of the same interface, with weights that ship with the package.

It was trained on rendered people to tell exercise and phase (`tools/train_feature_standin.py`,
`benchmarks/RESULTS-model.md`). Its features are not those of Stream-VLM's 3D CNN, and a model
trained on the ones cannot read the others.
"""

from __future__ import annotations

from pathlib import Path

from qevd_bio.weights.cnn3d_shapes import Block, CnnLayers

STANDIN_FILE = Path(__file__).with_name("standin.safetensors")

STANDIN_LAYERS = CnnLayers(
    stem_kernel=5,
    stem_stride=4,
    stem_channels=16,
    blocks=(
        Block(16, 32, 3, stride=2, expansion=3),
        Block(32, 32, 3, expansion=4, temporal_stride=2),
        Block(32, 56, 5, stride=2, expansion=4),
        Block(56, 56, 3, expansion=4, temporal_stride=1),
        Block(56, 56, 3, expansion=4, temporal_stride=2),
        Block(56, 96, 5, stride=2, expansion=3),
        Block(96, 96, 3, expansion=2, temporal_stride=1),
        Block(96, 96, 3, expansion=2, temporal_stride=1),
    ),
)
