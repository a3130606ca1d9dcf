"""Payloads with a type: written when a task is made, read when it runs.

Strings and bytes go through as they are. Any other type is JSON: a type of pydantic is read and written by pydantic,
and all others, such as data classes, `TypedDict`s and the structs of msgspec, by msgspec.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final

from .. import BadPayload, ConfigurationError, InvalidType, InvalidValue

_AS_IT_IS: Final = (inspect.Parameter.empty, Any, object, str, bytes)
#: Faults that msgspec tells with a part of the payload behind.
_WITH_VALUES: Final = ("Invalid enum value", "Invalid value", "Object contains unknown field")
#: What is told of a value that does not fit, at the most, in characters.
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Codec:
    """The two ways of one type of payloads.

    Attributes:
        encode: writes a payload; raises `InvalidType` or `InvalidValue`.
        decode: reads one, and raises `BadPayload`; `None` if the executor gets what stands in the task.
    """

    encode: Callable[[Any], str | bytes]
    decode: Callable[[str | bytes], Any] | None


def codec_of(annotation: object) -> Codec:
    """Return the codec of the type that an executor asks for.

    Args:
        annotation: the annotation of its first parameter, `inspect.Parameter.empty` without one.

    Raises:
        ConfigurationError: there is none for that type, or it needs the extra `worker`.
    """
    if typing.get_origin(annotation) is typing.Annotated and typing.get_args(annotation)[0] in (str, bytes):
        raise ConfigurationError("executor", "takes text or bytes as they are: say so without Annotated")
    if annotation in _AS_IT_IS or _is_text_or_bytes(annotation):
        return Codec(_checked(annotation), None)
    if hasattr(annotation, "__pydantic_validator__") or hasattr(annotation, "model_validate_json"):
        return _by_pydantic(annotation)
    return _by_msgspec(annotation)


def _is_text_or_bytes(annotation: object) -> bool:
    if typing.get_origin(annotation) not in (typing.Union, UnionType):
        return False
    return {*typing.get_args(annotation)} <= {str, bytes}


def _checked(annotation: object) -> Callable[[Any], str | bytes]:
    types = (annotation,) if annotation in (str, bytes) else (str, bytes)
    wanted = " or ".join(each.__name__ for each in types)

    def check(payload: Any) -> str | bytes:
        if not isinstance(payload, types):
            raise InvalidType("payload", f"must be {wanted}, not {type(payload).__name__}")
        return payload

    return check


def _by_msgspec(annotation: object) -> Codec:
    try:
        import msgspec  # noqa: PLC0415 - of an extra, and only for those who use it
    except ImportError:
        raise ConfigurationError(
            "executor",
            f"takes {_name(annotation)}, which needs the extra 'worker': pip install 'interval-scheduler[worker]'",
        ) from None
    try:
        decoder = msgspec.json.Decoder(annotation)
    except (TypeError, RuntimeError) as error:
        raise ConfigurationError("executor", f"takes {_name(annotation)}, which is no JSON: {error}") from None
    read, unreadable = decoder.decode, (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
    write = msgspec.json.Encoder().encode

    def decode(data: str | bytes) -> Any:
        try:
            return read(data)
        except unreadable as error:
            raise BadPayload(_told(error)) from None

    def encode(payload: Any) -> str:
        try:
            written = write(payload)
            read(written)
        except (TypeError, RecursionError) as error:
            raise InvalidType("payload", f"is no {_name(annotation)}: {error}") from None
        except (ValueError, msgspec.MsgspecError) as error:
            raise InvalidValue("payload", f"is no {_name(annotation)}: {_told(error)}") from None
        return written.decode()

    return Codec(encode, decode)


def _told(error: Exception) -> str:
    """Return what a value lacks, without the value itself: it may be a secret."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8"
    words, at, place = str(error).partition(" - at ")
    for beginning in _WITH_VALUES:
        if words.startswith(beginning):
            words = beginning
    return f"{words}{at}{place}"[:_LONGEST]


def _by_pydantic(annotation: Any) -> Codec:
    import pydantic  # noqa: PLC0415 - whoever has such a type has imported it

    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(annotation)

    def decode(data: str | bytes) -> Any:
        try:
            return adapter.validate_json(data)
        except pydantic.ValidationError as error:
            raise BadPayload(in_words(error)) from None

    def encode(payload: Any) -> str:
        try:
            written = adapter.dump_json(adapter.validate_python(payload), by_alias=True)
            adapter.validate_json(written)
        except pydantic.ValidationError as error:
            raise InvalidValue("payload", f"is no {_name(annotation)}: {in_words(error)}") from None
        except ValueError:  # a PydanticSerializationError, which pydantic itself does not name
            raise InvalidValue("payload", f"is no {_name(annotation)} that can be written as JSON") from None
        return written.decode()

    fields = getattr(annotation, "model_fields", {})
    names = {*fields, *(each.alias for each in fields.values())}

    def in_words(error: pydantic.ValidationError) -> str:
        # Neither the message nor a place within a field: they may have values, tags and keys of the payload in them.
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = [
            f"{each['type'].replace('_', ' ')} - at `{next((name for name in each['loc'][:1] if name in names), '$')}`"
            for each in found
        ]
        return "; ".join(faults)[:_LONGEST]

    return Codec(encode, decode)


def _name(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
