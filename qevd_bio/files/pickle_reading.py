"""Reading of pickles as notes: the content is recorded, no object is imported or called.

Python's own unpickler is not used: it looks names up, calls what it finds, allocates a memo as
large as a file demands, and hashes any key. Here `pickletools` decodes the opcodes, a name stays
a name, a call becomes a note of what would be called with what, and only names on the caller's
list may appear at all.
"""

from __future__ import annotations

import codecs
import pickletools
from collections.abc import Callable
from typing import IO, Any

from qevd_bio.files.pickle_notes import Call, Name, Outside, PickleRefused

_MOST_BITS = 512
_UNSOUND = "it is cut short or no sound pickle"


def read_notes(
    file: IO[bytes],
    admits: Callable[[Name], bool],
    *,
    most_steps: int,
    outside: bool = False,
) -> Any:  # noqa: ANN401
    """Read one pickle of any protocol as notes.

    Parameters
    ----------
    file : binary file
        At the start of the pickle; must return no more than it holds, whatever length is read.
    admits : callable
        Whether a name may appear.
    most_steps : int
        Most opcodes; each costs the file one byte and the reader up to 200.
    outside : bool
        Whether references to objects beside the pickle may appear.

    Returns
    -------
    object
        Text, bytes, numbers, None, lists, tuples and dicts, and for anything else a `Name`,
        `Call` or `Outside`. Lists may share parts or contain themselves.

    Raises
    ------
    PickleRefused
        A name is not admitted, or the file is no sound pickle. Text of Python 2 is read as
        Latin-1.
    """
    machine = _Machine(admits, outside)
    try:
        for _ in range(most_steps):
            code = file.read(1)
            if code == b".":
                return machine.stack.pop()
            if code not in _OPCODES:
                unread = f"it holds opcode {code[0]:#04x}, which is refused"
                raise PickleRefused(unread if code else _UNSOUND)
            read_argument, step = _OPCODES[code]
            step(machine, read_argument(file) if read_argument else None)
    except PickleRefused:
        raise
    except (IndexError, KeyError, MemoryError, OverflowError, ValueError) as error:
        raise PickleRefused(_UNSOUND) from error
    raise PickleRefused(f"it takes more than {most_steps} steps")


class _Machine:
    """The stack, the marks and the memo of a pickle that is being read."""

    __slots__ = ("admits", "marked", "memo", "outside", "stack")

    def __init__(self, admits: Callable[[Name], bool], outside: bool) -> None:
        self.admits, self.outside = admits, outside
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def to_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marked.pop()
        return items

    def named(self, module: str, name: str) -> Name:
        requested = Name(module, name)
        if not self.admits(requested):
            raise PickleRefused(f"it asks for {requested}, which is refused")
        return requested

    def call(self, name: Any, arguments: Any) -> None:  # noqa: ANN401
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise PickleRefused("it calls something that is no name")
        if name.name == "_reconstructor" and arguments and isinstance(arguments[0], Name):
            name, arguments = arguments[0], ()
        self.stack.append(Call(name, arguments))

    def refer(self, key: Any) -> None:  # noqa: ANN401
        if not self.outside:
            raise PickleRefused("it refers to something outside of it")
        self.stack.append(Outside(key))


_Step = Callable[[_Machine, Any], None]


def _push(m: _Machine, value: Any) -> None:  # noqa: ANN401
    m.stack.append(value)


def _push_int(m: _Machine, value: int) -> None:
    """Keep a number; one of megabytes takes as long again each time it is hashed or written."""
    if value.bit_length() > _MOST_BITS:
        raise PickleRefused(f"it holds a whole number of more than {_MOST_BITS} bits")
    m.stack.append(value)


def _constant(value: Any) -> _Step:  # noqa: ANN401
    return lambda m, _: m.stack.append(value)


def _refusal(cause: str) -> _Step:
    def step(m: _Machine, _: object) -> None:
        raise PickleRefused(cause)

    return step


def _quoted(file: IO[bytes]) -> str:
    """Read the text of Python 2, which `pickletools` reads as ASCII, as Latin-1."""
    line = file.readline()
    text = line.strip()
    if not line.endswith(b"\n") or len(text) < 2:
        raise IndexError("the pickle ends early")
    if text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise PickleRefused("it holds text without quotes")
    return codecs.escape_decode(text[1:-1])[0].decode("latin-1")


def _mark(m: _Machine, _: None) -> None:
    m.marked.append(m.stack)
    m.stack = []


def _pop(m: _Machine, _: None) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.to_mark()


def _collected(make: Callable[[list[Any]], Any]) -> _Step:
    def step(m: _Machine, _: None) -> None:
        items = m.to_mark()
        m.stack.append(make(items))

    return step


def _tuple_of(count: int) -> _Step:
    def step(m: _Machine, _: None) -> None:
        if len(m.stack) < count:
            raise IndexError("the stack is too short")
        m.stack[-count:] = [tuple(m.stack[-count:])]

    return step


def _append(m: _Machine, _: None) -> None:
    item = m.stack.pop()
    _extend(m.stack[-1], [item])


def _appends(m: _Machine, _: None) -> None:
    items = m.to_mark()
    _extend(m.stack[-1], items)


def _extend(target: Any, items: list[Any]) -> None:  # noqa: ANN401
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Call):
        raise PickleRefused("it appends to something that is no list")


def _set_item(m: _Machine, _: None) -> None:
    value = m.stack.pop()
    key = m.stack.pop()
    _put(m.stack[-1], [key, value])


def _set_items(m: _Machine, _: None) -> None:
    items = m.to_mark()
    _put(m.stack[-1], items)


def _put(target: Any, items: list[Any]) -> Any:  # noqa: ANN401
    entries = target.entries if isinstance(target, Call) else target
    if not isinstance(entries, dict) or len(items) % 2:
        raise PickleRefused("it sets items of something that is no mapping")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # The hash of a nested tuple takes time without bound; those of these do not.
        if not (key is None or isinstance(key, str | bytes | int | float)):
            raise PickleRefused("it holds a mapping with keys that are neither text nor numbers")
        entries[key] = value
    return target


def _frozen_set(m: _Machine, _: None) -> None:
    m.to_mark()
    m.stack.append(Call(m.named("builtins", "frozenset")))


def _build(m: _Machine, _: None) -> None:
    state = m.stack.pop()
    if not isinstance(m.stack[-1], Call):
        raise PickleRefused("it sets the state of something that was not made")
    m.stack[-1].state = state


def _reduce(m: _Machine, _: None) -> None:
    arguments = m.stack.pop()
    m.call(m.stack.pop(), arguments)


def _new_with_keywords(m: _Machine, _: None) -> None:
    keywords = m.stack.pop()
    if not isinstance(keywords, dict):
        raise PickleRefused("it calls with keywords that are none")
    _reduce(m, None)


def _global(m: _Machine, named: str) -> None:
    module, _, name = named.partition(" ")
    m.stack.append(m.named(module, name))


def _stack_global(m: _Machine, _: None) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise PickleRefused("it asks for a name that is no text")
    m.stack.append(m.named(module, name))


def _instance(m: _Machine, named: str) -> None:
    module, _, name = named.partition(" ")
    arguments = m.to_mark()
    m.call(m.named(module, name), tuple(arguments))


def _object(m: _Machine, _: None) -> None:
    items = m.to_mark()
    m.call(items[0], tuple(items[1:]))


def _remember(m: _Machine, index: int | None) -> None:
    index = len(m.memo) if index is None else index
    if index < 0:
        raise PickleRefused("it remembers something under a negative number")
    m.memo[index] = m.stack[-1]


def _recall(m: _Machine, index: int) -> None:
    m.stack.append(m.memo[index])


def _protocol(m: _Machine, protocol: int) -> None:
    if protocol > 5:
        raise PickleRefused(f"it is of protocol {protocol}, which is not read")


_INTS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_VALUES = (
    "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
)  # fmt: skip
_EXTENSION = _refusal("it asks for a registered extension, which is refused")
_BUFFER = _refusal("it refers to a buffer outside of it")
_STEPS: dict[str, _Step] = {
    **dict.fromkeys(_INTS, _push_int),
    **dict.fromkeys(_VALUES, _push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _recall),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _EXTENSION),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), _BUFFER),
    "ADDITEMS": _appends,
    "APPEND": _append,
    "APPENDS": _appends,
    "BINPERSID": lambda m, _: m.refer(m.stack.pop()),
    "BUILD": _build,
    "BYTEARRAY8": lambda m, array: m.stack.append(bytes(array)),
    "DICT": _collected(lambda items: _put({}, items)),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "EMPTY_SET": lambda m, _: m.stack.append(Call(m.named("builtins", "set"))),
    "EMPTY_TUPLE": _constant(()),
    "FRAME": lambda m, _: None,
    "FROZENSET": _frozen_set,
    "GLOBAL": _global,
    "INST": _instance,
    "LIST": _collected(list),
    "MARK": _mark,
    "NEWFALSE": _constant(False),
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _new_with_keywords,
    "NEWTRUE": _constant(True),
    "NONE": _constant(None),
    "OBJ": _object,
    "PERSID": lambda m, key: m.refer(key),
    "POP": _pop,
    "POP_MARK": lambda m, _: m.to_mark().clear(),
    "PROTO": _protocol,
    "REDUCE": _reduce,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "STACK_GLOBAL": _stack_global,
    "TUPLE": _collected(tuple),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
}
_OPCODES: dict[bytes, tuple[Callable[[IO[bytes]], Any] | None, _Step]] = {
    opcode.code.encode("latin-1"): (opcode.arg.reader if opcode.arg else None, _STEPS[opcode.name])
    for opcode in pickletools.opcodes
    if opcode.name in _STEPS
}
_OPCODES[b"S"] = (_quoted, _push)
