"""The weights of the generator that lie in the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from qevd_bio.generator import surrogate_file
from qevd_bio.generator.guidance import Body, Decoder
from qevd_bio.generator.measures import VASTI
from qevd_bio.generator.surrogate_file import load_surrogate
from qevd_bio.generator.vqvae_file import load_vqvae
from qevd_bio.weights.manifest import load_shipped
from qevd_bio.weights.tensor_file import tensors_digest_of

FOLDER = Path(surrogate_file.__file__).parent


@pytest.mark.parametrize("name", ["squat_surrogate", "squat_vqvae"])
def test_the_shipped_files_are_those_of_the_manifest(name: str) -> None:
    entry = load_shipped()[name]
    file = FOLDER / f"{name}.safetensors"
    assert file.as_posix().endswith(entry.file)
    assert file.stat().st_size == entry.n_bytes < 10_000_000
    assert tensors_digest_of(load_file(file)) == entry.tensors_sha256


def test_starts_decode_to_squats_in_which_the_vasti_work() -> None:
    torch.set_num_threads(1)
    surrogate = load_surrogate(FOLDER / "squat_surrogate.safetensors")
    generator = load_vqvae(FOLDER / "squat_vqvae.safetensors")
    assert surrogate.coordinates == generator.shape.coordinates and set(VASTI) <= set(
        surrogate.muscles
    )
    free = np.tile([-np.inf, np.inf], (len(surrogate.coordinates), 1))
    decoder = Decoder(generator.network, generator.shape, surrogate, Body(free, 0.85, 75.0))
    latents = generator.latents()
    assert len(latents) >= 100
    with torch.no_grad():
        q, duration_s = decoder.motion(latents)
        found = {name: value.numpy() for name, value in decoder.measured(q, duration_s).items()}
    assert np.percentile(found["depth"], [10, 90]) == pytest.approx([60, 105], abs=20)
    assert 1.0 < float(duration_s.min()) < float(duration_s.max()) < 8.0
    assert np.corrcoef(found["depth"], found["vastus_medialis"])[0, 1] > 0.3
