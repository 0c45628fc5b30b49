"""Unpickling that yields numbers, text, lists, dicts and arrays, and calls nothing else.

Not even numpy's own constructors are called as the file asks: an array of objects made over
bytes of the file's choice would be a set of pointers. What the file says of an array is noted,
checked, and an array made from it afterwards.
"""

from __future__ import annotations

import math
import pickle
import re
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

_PLAIN_CODE = re.compile(r"[biufSU?]\d*|O8?")
_BYTE_ORDERS = ("<", ">", "|", "=")


class _Dtype:
    """What a file says of an element type."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if (
            len(state) < 5
            or state[1] not in _BYTE_ORDERS
            or any(x is not None for x in state[2:5])
        ):
            raise pickle.UnpicklingError("it holds an element type that is not plain")
        self.order = state[1]

    def made(self) -> np.dtype[Any]:
        return np.dtype(self.code if self.order == "|" else self.order + self.code)


class _Array:
    """What a file says of an array."""

    __slots__ = ("data", "dtype", "is_fortran", "shape")

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (0,)
        self.dtype: _Dtype = _Dtype("f8")
        self.is_fortran = False
        self.data: Any = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, data = state
        whole = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not whole or not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("it holds an array without a sound shape and type")
        self.shape, self.dtype, self.is_fortran, self.data = shape, dtype, bool(is_fortran), data

    def made(self) -> NDArray[Any]:
        dtype = self.dtype.made()
        order: Literal["F", "C"] = "F" if self.is_fortran else "C"
        if not dtype.hasobject:
            if not isinstance(self.data, bytes):
                raise pickle.UnpicklingError("it holds an array whose data are not bytes")
            return np.frombuffer(self.data, dtype).reshape(self.shape, order=order).copy()
        if not isinstance(self.data, list) or len(self.data) != math.prod(self.shape):
            raise pickle.UnpicklingError("it holds a list of objects of the wrong length")
        flat = np.empty(len(self.data), dtype=object)
        for i, item in enumerate(self.data):
            flat[i] = _plain(item)
        return flat.reshape(self.shape, order=order)


class _NdarrayName:
    """Stands for the name numpy.ndarray; cannot be called."""

    __slots__ = ()


class _Reconstruct:
    """Stands for numpy's _reconstruct."""

    __slots__ = ()

    def __call__(self, kind: object, shape: object, code: object) -> _Array:
        if not isinstance(kind, _NdarrayName):
            raise pickle.UnpicklingError("it holds an array of an unknown class")
        return _Array()


class _DtypeName:
    """Stands for numpy.dtype."""

    __slots__ = ()

    def __call__(self, code: object, align: object = False, copy: object = True) -> _Dtype:
        if not isinstance(code, str) or not _PLAIN_CODE.fullmatch(code):
            raise pickle.UnpicklingError(f"it holds an element type that is not plain: {code!r}")
        return _Dtype(code)


class _Scalar:
    """Stands for numpy's scalar."""

    __slots__ = ()

    def __call__(self, dtype: object, data: object) -> Any:  # noqa: ANN401
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes) or dtype.made().hasobject:
            raise pickle.UnpicklingError("it holds a number without a sound type")
        return np.frombuffer(data, dtype.made())[0]


_ADMITTED: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): _NdarrayName(),
    ("numpy", "dtype"): _DtypeName(),
    **{
        (f"numpy.{core}.multiarray", name): stands
        for core in ("core", "_core")  # before and since numpy 2
        for name, stands in (("_reconstruct", _Reconstruct()), ("scalar", _Scalar()))
    },
}


class _NumbersOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return _ADMITTED[module, name]


def unpickle_numbers(file: BinaryIO) -> Any:  # noqa: ANN401
    """Unpickle an object that is made of numbers, text, lists, tuples, dicts and arrays.

    Parameters
    ----------
    file : binary file
        Read to the end of the pickle.

    Returns
    -------
    object

    Raises
    ------
    pickle.UnpicklingError and the errors of damaged pickles
        The file asks for anything else, which is named and never imported.
    """
    return _plain(_NumbersOnly(file).load())


def _plain(held: Any) -> Any:  # noqa: ANN401
    """Make the arrays that were noted, and refuse what is left of other things."""
    if isinstance(held, _Array):
        return held.made()
    if isinstance(held, dict):
        return {_plain(key): _plain(value) for key, value in held.items()}
    if isinstance(held, list | tuple):
        return type(held)(_plain(item) for item in held)
    if held is None or isinstance(held, bool | int | float | str | bytes | np.generic):
        return held
    raise pickle.UnpicklingError(f"it holds {type(held).__name__}, which is no number")
