"""Reads a pickle without unpickling: no name in it is imported, and nothing is called.

A pickle is a program for a small machine with a stack. Python's own machine imports what the program names, and calls
it: whoever can write a pickle can run any code where it is read. This machine does neither. A name becomes a `Name`; an
object becomes a `Made`, which says by what it would be made. Both are plain data. Other instructions are refused, and
the sizes are bounded. Sets become a `Made` too, and keys must be single values: nested tuples hash in endless time.
Numbers among them must be short: whoever writes long ones can choose such as have one hash, and a dict of these takes
minutes.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

#: The most bytes of a pickle, and the most instructions in it.
MOST_BYTES: Final = 1 << 20
_MOST_STEPS: Final = 200_000
#: The longest whole number that is a key, in bits. Python's hash of it is the number itself.
_LONGEST_KEY: Final = 60
#: Stands on the stack where a group of values begins.
_MARK: Final = object()


class CannotRead(ValueError):
    """The bytes are no pickle that is read here; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a module, as `module.name`; what stands there is not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Made:
    """An object that was not made: by what it would be made, of what, and with which state.

    Attributes:
        by: the class or function, or another object that is called.
        args: the arguments.
        state: what would be put into it afterwards; None for nothing.
    """

    by: object
    args: tuple[object, ...]
    state: object = field(default=None)

    @property
    def kind(self) -> str:
        """The name of its class or of the function that makes it."""
        return str(self.by) if isinstance(self.by, Name) else "a class that cannot be told"


def read(raw: bytes) -> Any:
    """Read a pickle of any protocol into plain data, `Name`s and `Made`s.

    Args:
        raw: the pickle, at most 1 MiB.

    Raises:
        CannotRead: it is too large, is cut short, or has an instruction that plain data does not need.
    """
    if len(raw) > MOST_BYTES:
        raise CannotRead(f"it has {len(raw)} bytes, and at most {MOST_BYTES} are read")
    try:
        return _run(raw)
    except CannotRead:
        raise
    # What the bytes say may be wrong in any way: a stack that is empty, a key that is a list, text that is no text.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise CannotRead(f"it is damaged: {error}") from None


def _run(raw: bytes) -> Any:
    machine = _Machine()
    for steps, (code, arg, _) in enumerate(pickletools.genops(raw)):
        if steps > _MOST_STEPS:
            raise CannotRead("it has too many instructions")
        if code.name == "STOP":
            break
        machine.step(code.name, arg)
    return machine.result()


class _Machine:
    """The stack and the memory of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memory: dict[int, Any] = {}

    def result(self) -> Any:
        """Return what stands on the stack at the end."""
        if len(self.stack) != 1 or self.stack[0] is _MARK:
            raise CannotRead("it does not end with one value")
        return self.stack[0]

    def step(self, name: str, arg: Any) -> None:
        """Carry one instruction out."""
        if name in _VALUES:
            self.stack.append(arg)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _STEPS:
            _STEPS[name](self, arg)
        elif name not in _NOTHING:
            raise CannotRead(f"it has the instruction {name}, which plain data does not need")

    def pop(self) -> Any:
        """Take a value off the stack."""
        found = self.stack.pop()
        if found is _MARK:
            raise CannotRead("it is damaged: a value is missing")
        return found

    def marked(self) -> list[Any]:
        """Take off the stack what stands above the last mark, and the mark."""
        for at in range(len(self.stack) - 1, -1, -1):
            if self.stack[at] is _MARK:
                found = self.stack[at + 1 :]
                del self.stack[at:]
                return found
        raise CannotRead("it is damaged: a mark is missing")

    def pairs(self, values: list[Any]) -> dict[Any, Any]:
        """Make a dict of keys and values that come in turns."""
        keys = values[::2]
        if not all(map(_is_key, keys)):
            raise CannotRead("it has a dict with a key that is no single value, or is a long number")
        return dict(zip(keys, values[1::2], strict=True))

    def put_tuple(self, size: int) -> None:
        """Make a tuple of the last values."""
        self.stack.append(tuple([self.pop() for _ in range(size)][::-1]))

    def add(self, values: list[Any]) -> None:
        """Add values to the list on the stack; of a set, and of an object that has values, its kind is enough."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, Made):
            raise CannotRead("it adds to something that is no list and no set")

    def set_keys(self, values: list[Any]) -> None:
        """Set keys of the dict on the stack; of an object that has keys, its kind is enough."""
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(self.pairs(values))
        elif not isinstance(target, Made):
            raise CannotRead("it sets keys of something that is no dict")

    def put_name(self, module: object, name: object) -> None:
        """Put a name on the stack; it is not looked up."""
        if not isinstance(name, str) or not isinstance(module, str):
            raise CannotRead("it names something by what is no text")
        self.stack.append(Name(module, name))

    def make(self, *more: object) -> None:
        """Put an object on the stack that is not made."""
        args, by = self.pop(), self.pop()
        if not isinstance(args, tuple):
            raise CannotRead("it makes an object of what is no tuple")
        if by in _RECONSTRUCTORS and len(args) == 3:
            by, args = args[0], ()  # the first protocols say so that an object of a class has no arguments
        self.stack.append(Made(by, (*args, *more)))

    def build(self) -> None:
        """Give the object on the stack its state."""
        state, target = self.pop(), self.stack[-1]
        if not isinstance(target, Made):
            raise CannotRead("it gives a state to something that is no object")
        target.state = state

    def remember(self, at: int | None = None) -> None:
        """Keep what is on the stack under a number."""
        self._memory[len(self._memory) if at is None else at] = self.stack[-1]

    def recall(self, at: int) -> None:
        """Put what was kept on the stack again."""
        self.stack.append(self._memory[at])


def _is_key(value: object) -> bool:
    """Tell whether a value may be a key: few such values have the same hash, whoever chooses them."""
    if isinstance(value, int):
        return value.bit_length() <= _LONGEST_KEY
    return value is None or isinstance(value, str | bytes | float)


_RECONSTRUCTORS: Final = (Name("copy_reg", "_reconstructor"), Name("copyreg", "_reconstructor"))
#: Instructions whose argument is the value.
_VALUES: Final = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
    | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
)
_CONSTANTS: Final[dict[str, Callable[[], Any]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": lambda: Made(Name("builtins", "set"), ()),
    "MARK": lambda: _MARK,
}
_NOTHING: Final = frozenset({"PROTO", "FRAME"})
_STEPS: Final[dict[str, Callable[[_Machine, Any], object]]] = {
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.marked())),
    "TUPLE1": lambda machine, _: machine.put_tuple(1),
    "TUPLE2": lambda machine, _: machine.put_tuple(2),
    "TUPLE3": lambda machine, _: machine.put_tuple(3),
    "LIST": lambda machine, _: machine.stack.append(machine.marked()),
    "DICT": lambda machine, _: machine.stack.append(machine.pairs(machine.marked())),
    "FROZENSET": lambda machine, _: machine.stack.append(Made(Name("builtins", "frozenset"), tuple(machine.marked()))),
    "APPEND": lambda machine, _: machine.add([machine.pop()]),
    "APPENDS": lambda machine, _: machine.add(machine.marked()),
    "ADDITEMS": lambda machine, _: machine.add(machine.marked()),
    "SETITEM": lambda machine, _: machine.set_keys([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_keys(machine.marked()),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.marked(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "PUT": lambda machine, arg: machine.remember(arg),
    "BINPUT": lambda machine, arg: machine.remember(arg),
    "LONG_BINPUT": lambda machine, arg: machine.remember(arg),
    "MEMOIZE": lambda machine, _: machine.remember(),
    "GET": lambda machine, arg: machine.recall(arg),
    "BINGET": lambda machine, arg: machine.recall(arg),
    "LONG_BINGET": lambda machine, arg: machine.recall(arg),
    "GLOBAL": lambda machine, arg: machine.put_name(*arg.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.put_name(*[machine.pop(), machine.pop()][::-1]),
    "REDUCE": lambda machine, _: machine.make(),
    "NEWOBJ": lambda machine, _: machine.make(),
    "NEWOBJ_EX": lambda machine, _: machine.make(machine.pop()),
    "BUILD": lambda machine, _: machine.build(),
}
