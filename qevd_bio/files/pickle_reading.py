"""Reading of pickles as notes: what a file says is written down, nothing is imported or called.

Python's own unpickler is not used. It looks names up, calls what it found, allocates a memo as
large as a file asks, and hashes whatever is given as a key. Here a name stays a name, a call stays
a note of what would be called with what, and only names on the caller's list may appear at all.
"""

from __future__ import annotations

import codecs
import mmap
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from qevd_bio.files.pickle_notes import Call, Name, Outside, PickleRefused

Bytes: TypeAlias = "bytes | mmap.mmap"


def read_notes(
    data: Bytes,
    start: int,
    admits: Callable[[Name], bool],
    *,
    most_steps: int,
    outside: bool = False,
) -> Any:  # noqa: ANN401
    """Read one pickle of any protocol as notes.

    Parameters
    ----------
    data : bytes or mmap
        Holds the pickle; what follows it is not looked at.
    start : int
        Where the pickle begins.
    admits : callable
        Says whether a name may appear.
    most_steps : int
        Opcodes to follow at most; each costs the file one byte and the reader up to 200.
    outside : bool
        Whether references to things beside the pickle may appear.

    Returns
    -------
    object
        Text, bytes, numbers, None, lists, tuples and dicts, and where the file asks for anything
        else a `Name`, `Call` or `Outside`. Lists may share parts or hold themselves.

    Raises
    ------
    PickleRefused
        A name is not admitted, or the file is no sound pickle. Text of Python 2 is taken as
        Latin-1.
    """
    machine = _Machine(data, start, admits, outside)
    try:
        for _ in range(most_steps):
            code = data[machine.place]
            machine.place += 1
            if code == _STOP:
                return machine.stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise PickleRefused(f"it holds opcode {code:#04x}, which is refused")
            step(machine)
    except (IndexError, KeyError, OverflowError) as error:
        raise PickleRefused("it is cut short or no sound pickle") from error
    raise PickleRefused(f"it takes more than {most_steps} steps")


class _Machine:
    """The stack, the marks and the memo of a pickle that is being read."""

    __slots__ = ("admits", "data", "marked", "memo", "outside", "place", "stack")

    def __init__(
        self, data: Bytes, start: int, admits: Callable[[Name], bool], outside: bool
    ) -> None:
        self.data, self.place, self.admits, self.outside = data, start, admits, outside
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        end = self.place + count
        if count < 0 or end > len(self.data):
            raise IndexError("the pickle ends early")
        taken = self.data[self.place : end]
        self.place = end
        return taken

    def take_length(self, width: int) -> bytes:
        return self.take(self.unsigned(width))

    def unsigned(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.place)
        if end < 0:
            raise IndexError("the pickle ends early")
        taken = self.data[self.place : end]
        self.place = end + 1
        return taken

    def to_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marked.pop()
        return items

    def named(self, module: str, name: str) -> Name:
        asked = Name(module, name)
        if not self.admits(asked):
            raise PickleRefused(f"it asks for {asked}, which is refused")
        return asked

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


def _constant(value: Any) -> Callable[[_Machine], None]:  # noqa: ANN401
    return lambda m: m.stack.append(value)


def _fresh(kind: type[Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(kind())


def _sized(width: int, made: Callable[[bytes], Any]) -> Callable[[_Machine], None]:
    """Push what is made of the bytes behind a length field of so many bytes."""
    return lambda m: m.stack.append(made(m.take_length(width)))


def _fixed(width: int, made: Callable[[bytes], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(made(m.take(width)))


def _lined(made: Callable[[bytes], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(made(m.line()))


def _utf8(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")


def _latin1(text: bytes) -> str:
    return text.decode("latin-1")


def _signed(number: bytes) -> int:
    return int.from_bytes(number, "little", signed=True)


def _binary_float(number: bytes) -> float:
    return float(struct.unpack(">d", number)[0])


def _text_int(line: bytes) -> int | bool:
    if line in (b"00", b"01"):
        return line == b"01"
    return int(line)


def _text_long(line: bytes) -> int:
    return int(line.removesuffix(b"L"))


def _quoted(line: bytes) -> str:
    line = line.strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise PickleRefused("it holds text without quotes")
    return _latin1(codecs.escape_decode(line[1:-1])[0])


def _raw_unicode(line: bytes) -> str:
    return line.decode("raw-unicode-escape")


def _mark(m: _Machine) -> None:
    m.marked.append(m.stack)
    m.stack = []


def _pop(m: _Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.to_mark()


def _tuple(m: _Machine) -> None:
    items = m.to_mark()
    m.stack.append(tuple(items))


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        if len(m.stack) < count:
            raise IndexError("the stack is too short")
        m.stack[-count:] = [tuple(m.stack[-count:])]

    return step


def _list(m: _Machine) -> None:
    items = m.to_mark()
    m.stack.append(items)


def _dict(m: _Machine) -> None:
    items = m.to_mark()
    m.stack.append({})
    _put(m.stack[-1], items)


def _append(m: _Machine) -> None:
    item = m.stack.pop()
    _extend(m.stack[-1], [item])


def _appends(m: _Machine) -> None:
    items = m.to_mark()
    _extend(m.stack[-1], items)


def _extend(target: Any, items: list[Any]) -> None:  # noqa: ANN401
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Call):
        raise PickleRefused("it appends to something that is no list")


def _set_item(m: _Machine) -> None:
    value = m.stack.pop()
    key = m.stack.pop()
    _put(m.stack[-1], [key, value])


def _set_items(m: _Machine) -> None:
    items = m.to_mark()
    _put(m.stack[-1], items)


def _put(target: Any, items: list[Any]) -> None:  # noqa: ANN401
    entries = target.entries if isinstance(target, Call) else target
    if not isinstance(entries, dict) or len(items) % 2:
        raise PickleRefused("it sets items of something that is no mapping")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # The hash of a nested tuple takes time without bound; those of these do not.
        if not (key is None or isinstance(key, str | bytes | int | float)):
            raise PickleRefused("it holds a mapping whose keys are neither text nor numbers")
        entries[key] = value


def _empty_set(m: _Machine) -> None:
    m.stack.append(Call(m.named("builtins", "set")))


def _frozen_set(m: _Machine) -> None:
    m.to_mark()
    m.stack.append(Call(m.named("builtins", "frozenset")))


def _build(m: _Machine) -> None:
    state = m.stack.pop()
    if not isinstance(m.stack[-1], Call):
        raise PickleRefused("it sets the state of something that was not made")
    m.stack[-1].state = state


def _reduce(m: _Machine) -> None:
    arguments = m.stack.pop()
    m.call(m.stack.pop(), arguments)


def _new_with_keywords(m: _Machine) -> None:
    keywords = m.stack.pop()
    if not isinstance(keywords, dict):
        raise PickleRefused("it calls with keywords that are none")
    _reduce(m)


def _global(m: _Machine) -> None:
    module = _utf8(m.line())
    m.stack.append(m.named(module, _utf8(m.line())))


def _stack_global(m: _Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise PickleRefused("it asks for a name that is no text")
    m.stack.append(m.named(module, name))


def _instance(m: _Machine) -> None:
    module = _utf8(m.line())
    name = m.named(module, _utf8(m.line()))
    arguments = m.to_mark()
    m.call(name, tuple(arguments))


def _object(m: _Machine) -> None:
    items = m.to_mark()
    m.call(items[0], tuple(items[1:]))


def _extension(m: _Machine) -> None:
    raise PickleRefused("it asks for a registered extension, which is refused")


def _buffer(m: _Machine) -> None:
    raise PickleRefused("it refers to a buffer outside of it")


def _keep(m: _Machine, index: int) -> None:
    if index < 0:
        raise PickleRefused("it keeps something under a negative number")
    m.memo[index] = m.stack[-1]


def _protocol(m: _Machine) -> None:
    if (protocol := m.unsigned(1)) > 5:
        raise PickleRefused(f"it is of protocol {protocol}, which is not read")


def _frame(m: _Machine) -> None:
    m.take(8)  # a hint on how much to read ahead


_STOP = ord(".")
_STEPS: dict[int, Callable[[_Machine], None]] = {
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: m.to_mark().clear(),
    ord("2"): lambda m: m.stack.append(m.stack[-1]),
    ord("F"): _lined(float),
    ord("I"): _lined(_text_int),
    ord("J"): _fixed(4, _signed),
    ord("K"): lambda m: m.stack.append(m.unsigned(1)),
    ord("L"): _lined(_text_long),
    ord("M"): lambda m: m.stack.append(m.unsigned(2)),
    ord("N"): _constant(None),
    ord("P"): lambda m: m.refer(_latin1(m.line())),
    ord("Q"): lambda m: m.refer(m.stack.pop()),
    ord("R"): _reduce,
    ord("S"): _lined(_quoted),
    ord("T"): _sized(4, _latin1),
    ord("U"): _sized(1, _latin1),
    ord("V"): _lined(_raw_unicode),
    ord("X"): _sized(4, _utf8),
    ord("a"): _append,
    ord("b"): _build,
    ord("c"): _global,
    ord("d"): _dict,
    ord("}"): _fresh(dict),
    ord("e"): _appends,
    ord("g"): lambda m: m.stack.append(m.memo[int(m.line())]),
    ord("h"): lambda m: m.stack.append(m.memo[m.unsigned(1)]),
    ord("i"): _instance,
    ord("j"): lambda m: m.stack.append(m.memo[m.unsigned(4)]),
    ord("l"): _list,
    ord("]"): _fresh(list),
    ord("o"): _object,
    ord("p"): lambda m: _keep(m, int(m.line())),
    ord("q"): lambda m: _keep(m, m.unsigned(1)),
    ord("r"): lambda m: _keep(m, m.unsigned(4)),
    ord("s"): _set_item,
    ord("t"): _tuple,
    ord(")"): _constant(()),
    ord("u"): _set_items,
    ord("G"): _fixed(8, _binary_float),
    ord("B"): _sized(4, bytes),
    ord("C"): _sized(1, bytes),
    0x80: _protocol,
    0x81: _reduce,
    0x82: _extension,
    0x83: _extension,
    0x84: _extension,
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
    0x88: _constant(True),
    0x89: _constant(False),
    0x8A: _sized(1, _signed),
    0x8B: _sized(4, _signed),
    0x8C: _sized(1, _utf8),
    0x8D: _sized(8, _utf8),
    0x8E: _sized(8, bytes),
    0x8F: _empty_set,
    0x90: _appends,
    0x91: _frozen_set,
    0x92: _new_with_keywords,
    0x93: _stack_global,
    0x94: lambda m: _keep(m, len(m.memo)),
    0x95: _frame,
    0x96: _sized(8, bytes),
    0x97: _buffer,
    0x98: _buffer,
}
