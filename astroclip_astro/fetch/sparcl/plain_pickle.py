"""Pickles of plain data and numpy arrays, read without an unpickler.

SPARCL sends spectra as a pickle, and the standard library's reader runs what a pickle says. To
override its ``find_class`` is not enough: a reply that names nothing at all can end the
interpreter (a deep tuple as a key of a dictionary overflows the C stack), or take 64 GB (the place
that a value has in the memo is any 32-bit number). So the few instructions that plain data need
are carried out here, and every other one is refused. Nothing here imports, looks up or calls
anything by a name from the reply.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import struct
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, TypeVar

import numpy as np

from astroclip_astro.fetch.transport import BadReplyError

T = TypeVar("T")
PROTOCOLS = range(2, 6)
DEEPEST = 100  # lists in lists
SOME = 1000  # containers and values that a reply may hold, however short it is
# A list takes 56 bytes of memory and one of the reply: only so many of these.
BYTES_A_CONTAINER = 20
MAX_AXES = 8
TYPES = re.compile(r"b1|[iu][1248]|f[248]|[SU][1-9]\d{0,3}")
LARGEST_CHARACTER = 0x10FFFF
PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, np.ndarray, np.generic)


class _Name(Enum):
    """What a reply may name; only ever compared."""

    ARRAY_TYPE = auto()
    DATA_TYPE = auto()
    EMPTY_ARRAY = auto()
    ARRAY = auto()
    SCALAR = auto()


NAMES = {
    ("numpy", "ndarray"): _Name.ARRAY_TYPE,
    ("numpy", "dtype"): _Name.DATA_TYPE,
} | {
    (f"numpy.{core}.{module}", name): meaning
    for core in ("core", "_core")  # before numpy 2, and since
    for module, name, meaning in (
        ("multiarray", "_reconstruct", _Name.EMPTY_ARRAY),
        ("multiarray", "scalar", _Name.SCALAR),
        ("numeric", "_frombuffer", _Name.ARRAY),
    )
}


class _Unbuilt:
    """An array, or a data type by its code, whose second half comes with BUILD."""

    def __init__(self, code: str | None = None) -> None:
        self.code = code
        self.built: np.ndarray | np.dtype | None = None


def _text(content: bytes) -> str:
    """Return text as pickles spell it."""
    return content.decode("utf-8", "surrogatepass")


def _integer(content: bytes) -> int:
    """Return an integer that fits into 64 bits."""
    value = int.from_bytes(content, "little", signed=True)
    if not -(1 << 63) <= value < 1 << 64:
        raise BadReplyError("an integer beyond 64 bits")
    return value


LITERALS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False, pickle.EMPTY_TUPLE: ()}
NUMBERS = {
    pickle.BINFLOAT: struct.Struct(">d"),
    pickle.BININT: struct.Struct("<i"),
    pickle.BININT1: struct.Struct("<B"),
    pickle.BININT2: struct.Struct("<H"),
}
BYTE, WORD, LONG = struct.Struct("<B"), struct.Struct("<I"), struct.Struct("<Q")
SIZED: dict[bytes, tuple[struct.Struct, Callable[[bytes], object]]] = {
    pickle.SHORT_BINUNICODE: (BYTE, _text),
    pickle.BINUNICODE: (WORD, _text),
    pickle.BINUNICODE8: (LONG, _text),
    pickle.SHORT_BINBYTES: (BYTE, bytes),
    pickle.BINBYTES: (WORD, bytes),
    pickle.BINBYTES8: (LONG, bytes),
    pickle.BYTEARRAY8: (LONG, bytearray),
    pickle.LONG1: (BYTE, _integer),
    pickle.LONG4: (WORD, _integer),
}
REMEMBER = {pickle.BINPUT: BYTE, pickle.LONG_BINPUT: WORD}
RECALL = {pickle.BINGET: BYTE, pickle.LONG_BINGET: WORD}
TUPLES = {pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
CONTAINERS = {pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.MARK, pickle.REDUCE, *TUPLES}


def load(content: bytes) -> object:
    """Read a pickle that holds plain data, or refuse it.

    Parameters
    ----------
    content : bytes
        All of it, of protocol 2 to 5. Bytes and arrays need protocol 3 or later: protocol 2 spells
        them as a call of ``_codecs.encode``, which is not admitted.

    Returns
    -------
    object
        None, bool, int of 64 bits, float, str, bytes, list, tuple, dict with str keys, and numpy
        arrays and scalars of booleans, integers, floats (to 64 bits), str and bytes. Arrays are
        read-only. Walking through it ends: no loops, at most 100 levels, and where parts are
        shared no more than about one value for each byte of the pickle.

    Raises
    ------
    BadReplyError
        For everything else. No more memory is taken than some twenty times the pickle.

    Examples
    --------
    >>> import pickle
    >>> load(pickle.dumps([{"status": {}}, {"ra": 150.0}]))
    [{'status': {}}, {'ra': 150.0}]
    >>> load(pickle.dumps(print))
    Traceback (most recent call last):
    ...
    astroclip_astro.fetch.bad_reply.BadReplyError: pickle: names 'builtins', 'print', expected ...
    """
    try:
        value = _Reader(content).read()
        _check_plain(value, SOME + len(content))
    except BadReplyError as error:
        raise BadReplyError(f"pickle: {error}") from None
    except (IndexError, ValueError) as error:
        raise BadReplyError(f"pickle: damaged ({error})") from error
    return value


class _Reader:
    """The machine that a pickle is a program for, with the instructions of plain data."""

    def __init__(self, content: bytes) -> None:
        self._stream, self._size = io.BytesIO(content), len(content)
        self._stack: list = []
        self._marks: list[list] = []
        self._memo: list = []
        self._bytes_left = len(content)  # that arrays may hold: none shares its bytes
        self._containers_left = SOME + len(content) // BYTES_A_CONTAINER

    def read(self) -> object:
        """Carry out all instructions and return the value that is left."""
        if self._take(1) != pickle.PROTO or self._take(1)[0] not in PROTOCOLS:
            raise BadReplyError("does not begin as one of protocol 2 to 5")
        while (code := self._take(1)) != pickle.STOP:
            if code in NUMBERS:
                self._stack.append(self._number(NUMBERS[code]))
            elif code in SIZED:
                size, meaning = SIZED[code]
                self._stack.append(meaning(self._take(self._number(size))))
            else:
                self._step(code)
        if self._stream.read(1) or self._marks or len(self._stack) != 1:
            raise BadReplyError("does not end with one value")
        return self._stack[0]

    def _take(self, count: int) -> bytes:
        """Return the next bytes."""
        content = self._stream.read(min(count, self._size))
        if len(content) != count:
            raise BadReplyError("ends too early")
        return content

    def _number(self, form: struct.Struct) -> Any:
        """Return the next number, an int or a float as its form says."""
        return form.unpack(self._take(form.size))[0]

    def _since_mark(self) -> list:
        """Return what was put on the stack since the last mark."""
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _top(self, kind: type[T]) -> T:
        """Return the container on top of the stack."""
        top: Any = self._stack[-1]
        if type(top) is not kind:
            raise BadReplyError(f"puts a value into something else than a {kind.__name__}")
        return top

    def _step(self, code: bytes) -> None:
        """Carry out an instruction that is no number, text or bytes."""
        stack = self._stack
        self._containers_left -= code in CONTAINERS
        if self._containers_left < 0:
            raise BadReplyError("hardly anything but lists and tuples")
        match code:
            case _ if code in LITERALS:
                stack.append(LITERALS[code])
            case pickle.EMPTY_LIST:
                stack.append([])
            case pickle.EMPTY_DICT:
                stack.append({})
            case pickle.MARK:
                self._marks.append(stack)
                self._stack = []
            case pickle.APPEND:
                item = stack.pop()
                self._top(list).append(item)
            case pickle.APPENDS:
                items = self._since_mark()
                self._top(list).extend(items)
            case pickle.SETITEM:
                value, key = stack.pop(), stack.pop()
                self._set_items([key, value])
            case pickle.SETITEMS:
                self._set_items(self._since_mark())
            case pickle.TUPLE:
                items = self._since_mark()
                self._stack.append(tuple(items))
            case _ if code in TUPLES:
                items = [stack.pop() for _ in range(TUPLES[code])]
                stack.append(tuple(items[::-1]))
            case pickle.MEMOIZE:
                self._memo.append(stack[-1])
            case _ if code in REMEMBER:
                if self._number(REMEMBER[code]) != len(self._memo):
                    raise BadReplyError("remembers a value out of turn")
                self._memo.append(stack[-1])
            case _ if code in RECALL:
                value = self._memo[self._number(RECALL[code])]
                built = isinstance(value, _Unbuilt) and value.built is not None
                stack.append(value.built if built else value)
            case pickle.FRAME:
                self._take(LONG.size)
            case pickle.GLOBAL:
                stack.append(_named(*(_text(self._stream.readline()[:-1]) for _ in range(2))))
            case pickle.STACK_GLOBAL:
                name, module = stack.pop(), stack.pop()
                stack.append(_named(module, name))
            case pickle.REDUCE:
                arguments, name = stack.pop(), stack.pop()
                stack.append(self._made(name, arguments))
            case pickle.BUILD:
                state, unbuilt = stack.pop(), stack.pop()
                stack.append(self._built(unbuilt, state))
            case _:
                raise BadReplyError(f"instruction {code!r}, which plain data do not need")

    def _set_items(self, items: list) -> None:
        """Put keys and values into the dictionary on top of the stack."""
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Other keys can be made such that to hash or to compare them takes for ever.
            if type(key) is not str:
                raise BadReplyError(f"a key of type {type(key).__name__}, expected str")
            target[key] = value

    def _made(self, name: object, arguments: object) -> object:
        """Return what a call of one of the names means."""
        if not isinstance(name, _Name):
            raise BadReplyError(f"calls a {type(name).__name__}")
        match name, arguments:
            case _Name.EMPTY_ARRAY, (_Name() as kind, (int(length),), bytes(code)):
                if (kind, length, code) == (_Name.ARRAY_TYPE, 0, b"b"):
                    return _Unbuilt()
            case _Name.DATA_TYPE, (str(code), False, True):
                if TYPES.fullmatch(code):
                    return _Unbuilt(code)
                raise BadReplyError(f"data type {code[:40]!r}, expected numbers or text")
            case _Name.SCALAR, (np.dtype() as dtype, bytes(content)):
                return self._array((), dtype, content, "C")[()]
            case _Name.ARRAY, (bytes() | bytearray() as content, np.dtype() as dtype, shape, order):
                return self._array(shape, dtype, bytes(content), order)
        raise BadReplyError("a call that numpy's own pickles do not make")

    def _built(self, unbuilt: object, state: object) -> np.ndarray | np.dtype:
        """Return the whole array or data type, of which the state is the second half."""
        if not isinstance(unbuilt, _Unbuilt) or unbuilt.built is not None:
            raise BadReplyError("a state for something that has none")
        match unbuilt.code, state:
            case None, (int(version), shape, np.dtype() as dtype, bool(fortran), bytes(content)):
                if version == 1:
                    unbuilt.built = self._array(shape, dtype, content, "F" if fortran else "C")
                    return unbuilt.built
            case str(code), (int(version), str(order), None, None, None, int(), int(), int()):
                match order:
                    case "<" | ">" | "|" if version == 3:
                        # A copy: numpy's own data types are shared by the whole process.
                        unbuilt.built = np.dtype(code).newbyteorder(order)
                        return unbuilt.built
        raise BadReplyError("a state that numpy's own pickles do not have")

    def _array(self, shape: object, dtype: np.dtype, content: bytes, order: object) -> np.ndarray:
        """Return an array over bytes that the reply really holds."""
        if type(order) is not str or order not in ("C", "F"):
            raise BadReplyError("an array whose axes are neither in C nor in Fortran order")
        if type(shape) is not tuple or len(shape) > MAX_AXES:
            raise BadReplyError(f"a shape that is no tuple of at most {MAX_AXES} integers")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise BadReplyError("a shape that is not made of integers from 0")
        if math.prod(shape) * dtype.itemsize != len(content):
            raise BadReplyError(f"{len(content)} bytes for an array of shape {shape}")
        self._bytes_left -= len(content)
        if self._bytes_left < 0:
            raise BadReplyError("arrays that hold more bytes than the whole")
        # numpy takes these bytes for granted and breaks on others, when it is too late.
        parts = {"b": ("u1", 1), "U": (f"{dtype.byteorder}u4", LARGEST_CHARACTER)}
        if dtype.kind in parts:
            part, largest = parts[dtype.kind]
            if np.frombuffer(content, part).max(initial=0) > largest:
                raise BadReplyError(f"an array of {dtype} with impossible values")
        return np.ndarray(shape, dtype, content, order="F" if order == "F" else "C")


def _named(module: object, name: object) -> _Name:
    """Return what a name means, which never is what stands behind it."""
    if type(module) is str and type(name) is str and (module, name) in NAMES:
        return NAMES[module, name]
    words = ", ".join(repr(word)[:60] for word in (module, name) if type(word) is str)
    raise BadReplyError(f"names {words}, expected numpy's arrays and scalars and nothing else")


def _check_plain(value: object, most: int) -> None:
    """Refuse what is not plain data all through, is too deep, or has more values than ``most``."""
    level = [value]
    for _ in range(DEEPEST):
        if odd := {type(item).__name__ for item in level if not isinstance(item, PLAIN)}:
            raise BadReplyError(f"{', '.join(sorted(odd))} among the data")
        inner: list = []
        for item in level:
            if isinstance(item, list | tuple | dict):
                most -= len(item)
                if most < 0:
                    raise BadReplyError("values that are shared so often that they do not end")
                inner.extend(item.values() if isinstance(item, dict) else item)
        if not inner:
            return
        level = inner
    raise BadReplyError(f"more than {DEEPEST} levels of lists in lists")
