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
    text = str(error)
    if text.startswith("Invalid enum value"):
        text = "Invalid enum value" + text[text.rfind(" - at") :] if " - at" in text else "Invalid enum value"
    return text[:_LONGEST] if not isinstance(error, UnicodeDecodeError) else "it is no UTF-8"


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
            return adapter.dump_json(adapter.validate_python(payload)).decode()
        except pydantic.ValidationError as error:
            raise InvalidValue("payload", f"is no {_name(annotation)}: {in_words(error)}") from None

    def in_words(error: pydantic.ValidationError) -> str:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = [f"{each['msg']} - at `{'.'.join(map(str, each['loc'])) or '$'}`" for each in found]
        return "; ".join(faults)[:_LONGEST]

    return Codec(encode, decode)


def _name(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
