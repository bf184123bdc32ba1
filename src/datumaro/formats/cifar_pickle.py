"""The pickles of CIFAR, read without `pickle`, which could run any code.

A pickle is a program for a machine with a stack. This one knows what CIFAR's files need: dicts,
lists, tuples, texts, bytes, numbers, and NumPy's arrays. It calls nothing: an array is put together
from its checked parts, and every other class or function is refused. No number in the file makes it
take memory: that is bounded by what is really there.

Definition of the operations: Lib/pickletools.py of CPython.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from datumaro.errors import MalformedFileError
from datumaro.table.schema import Array

_CORE = "(numpy.core.multiarray|numpy._core.multiarray)"
_RECONSTRUCT, _SCALAR = re.compile(rf"{_CORE} _reconstruct"), re.compile(rf"{_CORE} scalar")
_FROM_BUFFER = re.compile(r"(numpy.core.numeric|numpy._core.numeric) _frombuffer")
_ARRAY, _DTYPE, _ENCODE = "numpy ndarray", "numpy dtype", "_codecs encode"
_NO_BYTES = re.compile(r"(__builtin__|builtins) bytes")  # how protocol 2 has those
_KINDS = frozenset({"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "b1"})
_SMALL_INT = ord("K")
_WINDOW = 1 << 12  # bytes in which more of them are looked for
_BIG = 1 << 16  # bytes that are not copied


@dataclass(frozen=True)
class _Global:
    """A class or function that the file names."""

    name: str


@dataclass
class _Dtype:
    """The kind of an array's elements; O for objects."""

    kind: str
    order: str = "|"


@dataclass
class PickledArray:
    """An array, as its parts; `values` is None until they are all there.

    Attributes
    ----------
    values : an array of numbers, or the objects as a list.
    """

    shape: tuple[int, ...] = ()
    values: Array | list[Any] | None = None


class _WrongError(Exception):
    """(what was found, what was expected)."""


def load(data: bytes, path: object) -> Any:
    """The value of a pickle: its arrays as `PickledArray`, what Python 2 calls str as bytes.

    Long bytes are a memoryview of ``data``.

    Parameters
    ----------
    path : for messages.

    Raises
    ------
    MalformedFileError
        It is damaged, or has something that CIFAR has not; the message names the byte.
    """
    return _Machine(data, path).run()


class _Machine:
    def __init__(self, data: bytes, path: object) -> None:
        self.data, self.view, self.path = data, memoryview(data), path
        self.codes = np.frombuffer(data, np.uint8)
        self.at = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []  # where lists of values on the stack begin
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Run the program to its end."""
        begin = 0
        try:
            while True:
                begin = self.at
                code = self.take(1)[0]
                if code == _STOP:
                    (value,) = self.stack
                    return value
                operation = _OPERATIONS.get(code)
                if operation is None:
                    raise _WrongError(f"operation {bytes([code])!r}", "one that CIFAR's files have")
                operation(self)
        except _WrongError as error:
            found, expected = error.args
            raise MalformedFileError(self.path, f"byte {begin}", found, expected) from None
        except (IndexError, ValueError, KeyError, TypeError, OverflowError, struct.error) as error:
            found = f"damaged data ({type(error).__name__}: {error})"[:200]
            raise MalformedFileError(self.path, f"byte {begin}", found, "a pickle") from None

    # --- the file -----------------------------------------------------------------------------

    def take(self, n: int) -> memoryview:
        """The next bytes."""
        end = self.at + n
        if n < 0 or end > len(self.data):
            raise _WrongError(f"the end of the file, {len(self.data)} bytes", f"{n} bytes more")
        part = self.view[self.at : end]
        self.at = end
        return part

    def number(self, form: str) -> int:
        """The next number."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """The next line of text."""
        end = self.data.find(b"\n", self.at, self.at + 4096)
        if end < 0:
            raise _WrongError("no end of a line", "a line of text")
        text = self.data[self.at : end].decode("ascii")
        self.at = end + 1
        return text

    def bytes_of(self, n: int) -> bytes | memoryview:
        """The next bytes as a value."""
        part = self.take(n)
        return part if n >= _BIG else bytes(part)

    # --- the stack ----------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the last value off."""
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise _WrongError("a mark", "a value")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Take off all values behind the last mark, and it."""
        if not self.marks:
            raise _WrongError("no mark", "a mark before these values")
        begin = self.marks.pop()
        values = self.stack[begin:]
        del self.stack[begin:]
        return values

    def last(self) -> Any:
        """The last value."""
        value = self.pop()
        self.stack.append(value)
        return value

    # --- operations -----------------------------------------------------------------------------

    def small_int(self) -> None:
        """BININT1; of many in a row, all."""
        begin = self.at - 1
        other = self.codes[begin : begin + _WINDOW : 2] != _SMALL_INT
        n = int(other.argmax()) if other.any() else len(other)
        n = min(n, (len(self.data) - begin) // 2)
        if n < 2:
            self.push(self.take(1)[0])
        else:
            self.at = begin + 2 * n
            self.stack += self.data[begin + 1 : self.at : 2]

    def long(self) -> None:
        """LONG1: a number of up to eight bytes."""
        n = self.number("<B")
        if n > 8:
            raise _WrongError(f"a number of {n} bytes", "at most 8")
        self.push(int.from_bytes(self.take(n), "little", signed=True))

    def decimal(self) -> None:
        """INT, LONG: a number as text."""
        text = self.line().removesuffix("L")
        known = {"00": False, "01": True}
        if text not in known and len(text) > 20:
            raise _WrongError(f"a number of {len(text)} digits", "at most 20")
        self.push(known[text] if text in known else int(text))

    def text_line(self) -> None:
        """STRING: bytes between quotes, on a line."""
        text = self.line()
        if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"" or "\\" in text:
            raise _WrongError(repr(text[:40]), "plain text between quotes")
        self.push(text[1:-1].encode())

    def global_of(self, module: Any, name: Any) -> None:
        """A class or function, if CIFAR's files need it."""
        if not (isinstance(module, str) and isinstance(name, str)):
            raise _WrongError("a name that is no text", "that of a class or function")
        full = f"{module} {name}"
        patterns = (_RECONSTRUCT, _SCALAR, _FROM_BUFFER, _NO_BYTES)
        known = full in (_ARRAY, _DTYPE, _ENCODE) or any(p.fullmatch(full) for p in patterns)
        if not known:
            raise _WrongError(
                f"{module[:80]}.{name[:80]}",
                "no class or function but those of NumPy's arrays: a pickle with others could run "
                "any code, and is not read",
            )
        self.push(_Global(full))

    def reduce(self) -> None:
        """REDUCE: put together what a function would make of some arguments."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise _WrongError("a call of no function", "a call of one of NumPy's")
        given = cast(tuple[Any, ...], arguments)
        if _RECONSTRUCT.fullmatch(function.name):
            self.push(PickledArray())
        elif function.name == _DTYPE:
            self.push(_Dtype(_checked_kind(given[0])))
        elif function.name == _ENCODE:
            if len(given) != 2 or given[1] not in ("latin1", b"latin1"):
                raise _WrongError("an encoding", "latin1")
            self.push(given[0].encode("latin1"))
        elif _SCALAR.fullmatch(function.name):
            self.push(int(_array((1,), given[0], given[1])[0]))
        elif _NO_BYTES.fullmatch(function.name) and not given:
            self.push(b"")
        elif _FROM_BUFFER.fullmatch(function.name):
            if given[3] != "C":
                raise _WrongError("an array column by column", "one row by row")
            shape = _shape(given[2])
            self.push(PickledArray(shape, _array(shape, given[1], given[0])))
        else:
            raise _WrongError(f"a call of {function.name}", "no call of it")

    def build(self) -> None:
        """BUILD: give an array or its kind what it holds."""
        state, target = self.pop(), self.last()
        if isinstance(target, _Dtype):
            target.order = _text(state[1])
        elif isinstance(target, PickledArray):
            _, shape, dtype, fortran, values = state
            if fortran and len(shape) > 1:
                raise _WrongError("an array column by column", "one row by row")
            target.shape = _shape(shape)
            if isinstance(dtype, _Dtype) and dtype.kind == "O":
                if len(_list(values)) != math.prod(target.shape):
                    raise _WrongError(f"{len(values)} objects", f"as the shape {target.shape} says")
                target.values = values
            else:
                target.values = _array(target.shape, dtype, values)
        else:
            raise _WrongError("the state of something else", "that of an array")

    def set_items(self, values: list[Any]) -> None:
        """SETITEM, SETITEMS: put pairs into a dict."""
        target = self.last()
        if not isinstance(target, dict):
            raise _WrongError("pairs", "a dict that they are put into")
        cast(dict[Any, Any], target).update(_pairs(values))

    def append(self, values: list[Any]) -> None:
        """APPEND, APPENDS: put values at the end of a list."""
        _list(self.last()).extend(values)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _WrongError(f"a {type(value).__name__}", "a list")
    return cast(list[Any], value)


def _text(value: Any) -> str:
    # (never str(value): a value may hold another many times, and that a third one)
    if not isinstance(value, str | bytes):
        raise _WrongError(f"a {type(value).__name__}", "text")
    return value.decode("ascii") if isinstance(value, bytes) else value


def _checked_kind(value: Any) -> str:
    kind = _text(value)
    kind = "O" if kind in ("O", "O8", "O4") else kind.lstrip("<>|=")
    if kind != "O" and kind not in _KINDS:
        raise _WrongError(f"an array of {kind[:20]!r}", "one of whole numbers, or of such arrays")
    return kind


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        raise _WrongError(f"a {type(value).__name__}", "the sides of an array")
    shape = cast(tuple[int, ...], value)
    if len(shape) > 4 or not all(type(side) is int and 0 <= side < 2**40 for side in shape):
        raise _WrongError("an array of a strange shape", "up to four sides")
    return shape


def _array(shape: tuple[int, ...], dtype: Any, values: Any) -> Array:
    """An array over the bytes of its values, which are not copied where they are many."""
    if not isinstance(dtype, _Dtype) or dtype.kind == "O":
        raise _WrongError("no kind of numbers", "a NumPy dtype")
    order = dtype.order if dtype.order in ("<", ">") else "="
    kind = np.dtype(dtype.kind).newbyteorder(order)
    expected = math.prod(shape) * kind.itemsize
    if not isinstance(values, bytes | memoryview):
        raise _WrongError(f"a {type(values).__name__}", "the bytes of an array")
    found = cast(bytes, values)
    if len(found) != expected:
        raise _WrongError(
            f"{len(found)} bytes of an array", f"{expected}, as its shape {shape} says"
        )
    return np.frombuffer(found, kind).reshape(shape)


def _memo_put(form: str) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        machine.memo[machine.number(form)] = machine.last()

    return put


def _memo_get(form: str) -> Callable[[_Machine], None]:
    def get(machine: _Machine) -> None:
        machine.push(machine.memo[machine.number(form)])

    return get


def _tuple_of(n: int) -> Callable[[_Machine], None]:
    def make(machine: _Machine) -> None:
        values = [machine.pop() for _ in range(n)]
        machine.push(tuple(reversed(values)))

    return make


def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.last()


def _pairs(values: list[Any]) -> dict[Any, Any]:
    if len(values) % 2 or not all(isinstance(key, str | bytes | int) for key in values[::2]):
        raise _WrongError("keys of a dict", "texts, each with a value")
    return dict(zip(values[::2], values[1::2], strict=True))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.global_of(module, name)


def _utf8(part: bytes | memoryview) -> str:
    return bytes(part).decode("utf-8", "surrogatepass")


def _put_line(machine: _Machine) -> None:
    machine.memo[int(machine.line()[:20])] = machine.last()


_STOP = ord(".")
_BY_NAME: dict[str, Callable[[_Machine], object]] = {
    "\x80": lambda m: m.take(1),  # PROTO
    "\x95": lambda m: m.take(8),  # FRAME
    "(": lambda m: m.marks.append(len(m.stack)),
    "0": lambda m: m.pop(),
    "1": lambda m: m.pop_mark(),
    "N": lambda m: m.push(None),
    "\x88": lambda m: m.push(True),
    "\x89": lambda m: m.push(False),
    "K": _Machine.small_int,
    "M": lambda m: m.push(m.number("<H")),
    "J": lambda m: m.push(m.number("<i")),
    "\x8a": _Machine.long,
    "I": _Machine.decimal,
    "L": _Machine.decimal,
    "U": lambda m: m.push(m.bytes_of(m.number("<B"))),
    "T": lambda m: m.push(m.bytes_of(m.number("<i"))),
    "C": lambda m: m.push(m.bytes_of(m.number("<B"))),
    "B": lambda m: m.push(m.bytes_of(m.number("<I"))),
    "\x8e": lambda m: m.push(m.bytes_of(m.number("<Q"))),
    "\x96": lambda m: m.push(m.bytes_of(m.number("<Q"))),
    "S": _Machine.text_line,
    "V": lambda m: m.push(m.line()),
    "\x8c": lambda m: m.push(_utf8(m.take(m.number("<B")))),
    "X": lambda m: m.push(_utf8(m.take(m.number("<I")))),
    "\x8d": lambda m: m.push(_utf8(m.take(m.number("<Q")))),
    ")": lambda m: m.push(()),
    "\x85": _tuple_of(1),
    "\x86": _tuple_of(2),
    "\x87": _tuple_of(3),
    "t": lambda m: m.push(tuple(m.pop_mark())),
    "]": lambda m: m.push([]),
    "l": lambda m: m.push(m.pop_mark()),
    "a": lambda m: m.append([m.pop()]),
    "e": lambda m: m.append(m.pop_mark()),
    "}": lambda m: m.push({}),
    "d": lambda m: m.push(_pairs(m.pop_mark())),
    "s": lambda m: m.set_items([m.pop(), m.pop()][::-1]),
    "u": lambda m: m.set_items(m.pop_mark()),
    "c": lambda m: m.global_of(m.line(), m.line()),
    "\x93": _stack_global,
    "R": _Machine.reduce,
    "b": _Machine.build,
    "q": _memo_put("<B"),
    "r": _memo_put("<I"),
    "p": _put_line,
    "\x94": _memoize,
    "h": _memo_get("<B"),
    "j": _memo_get("<I"),
    "g": lambda m: m.push(m.memo[int(m.line()[:20])]),
}
_OPERATIONS = {name.encode("latin1")[0]: operation for name, operation in _BY_NAME.items()}
