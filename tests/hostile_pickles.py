"""Pickle fragments that run code when Python unpickles them; each makes a canary file."""

from __future__ import annotations

import struct
from pathlib import Path


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def gadgets(canary: Path) -> dict[str, bytes]:
    """Name to opcodes that leave one object on the stack; those that live make the canary."""
    touch = f"touch {canary}"
    python = f"open({str(canary)!r}, 'w').close()"
    return {
        "os.system": b"cos\nsystem\n" + text(touch) + b"\x85R",
        "posix.system": b"cposix\nsystem\n" + text(touch) + b"\x85R",
        "builtins.eval": b"cbuiltins\neval\n" + text(python) + b"\x85R",
        "builtins.exec": b"cbuiltins\nexec\n" + text(python) + b"\x85R",
        "eval by its Python 2 name": b"c__builtin__\neval\n" + text(python) + b"\x85R",
        "builtins.getattr": b"cbuiltins\ngetattr\n(cos\nsystem\n" + text("__call__") + b"tR"
        + text(touch) + b"\x85R",
        "builtins.open": b"cbuiltins\nopen\n(" + text(str(canary)) + text("w") + b"tR",
        "functools.partial": b"cfunctools\npartial\n(cos\nsystem\n" + text(touch) + b"tR)R",
        "operator.methodcaller": b"coperator\nmethodcaller\n" + text("touch") + b"\x85R"
        + b"cpathlib\nPath\n" + text(str(canary)) + b"\x85R\x85R",
        "stack global": text("os") + text("system") + b"\x93" + text(touch) + b"\x85R",
        "stack global with a dotted name": b"\x80\x04" + text("pathlib") + text("Path.touch") + b"\x93"
        + b"cpathlib\nPath\n" + text(str(canary)) + b"\x85R\x85R",
        "dotted name in an admitted module": b"\x80\x04" + text("numpy.core.multiarray")
        + text("_reconstruct.__class__") + b"\x93" + text(touch) + b"\x85R",
        "instance": b"(" + text(touch) + b"ios\nsystem\n",
        "object": b"(cos\nsystem\n" + text(touch) + b"o",
        "subprocess.Popen": b"csubprocess\nPopen\n(]" + text("touch") + b"a"
        + text(str(canary)) + b"atR",
        "nested pickle": b"c_pickle\nloads\nC" + _short(b"cos\nsystem\n" + text(touch) + b"\x85R.")
        + b"\x85R",
        "nested torch storage": b"ctorch.storage\n_load_from_bytes\nC"
        + _short(b"cos\nsystem\n" + text(touch) + b"\x85R.") + b"\x85R",
        "state of a class": b"cnumpy\nndarray\n}" + text("__reduce__") + b"Nsb",
        "keywords of a new object": b"csubprocess\nPopen\n(]" + text("touch") + b"a"
        + text(str(canary)) + b"at}\x92",
        "registered extension": b"\x82\x70" + text(touch) + b"\x85R",
        "numpy.load": b"cnumpy\nload\n" + text(str(canary)) + b"\x85R",
        "runpy": b"crunpy\n_run_code\n(" + text(python) + b"}tR",
        "importlib": b"cimportlib\nimport_module\n" + text("antigravity") + b"\x85R",
        "ctypes": b"cctypes\nCDLL\nN\x85R",
        "torch.hub.load": b"ctorch.hub\nload\n(" + text("a/b") + text("c") + b"tR",
    }  # fmt: skip


def _short(content: bytes) -> bytes:
    return bytes([len(content)]) + content


LIVE = (
    "os.system", "posix.system", "builtins.eval", "builtins.exec", "eval by its Python 2 name",
    "builtins.getattr", "builtins.open", "functools.partial", "operator.methodcaller",
    "stack global", "stack global with a dotted name", "instance", "object", "subprocess.Popen",
    "nested pickle", "registered extension", "runpy",
)  # fmt: skip
