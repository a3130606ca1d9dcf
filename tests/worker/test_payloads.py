"""Payloads with a type: what is written, what is read, and what is refused."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import msgspec
import pytest

from interval_scheduler import BadPayload, ConfigurationError, InvalidType, InvalidValue
from interval_scheduler.worker.payloads import codec_of
from tests.worker.payload_types import Cat, Colour, Dog, Feed, Mail, Named, Order, Report

BIG = 2**80


@pytest.mark.parametrize(
    ("annotation", "payload", "written"),
    [
        (Mail, Mail("ada", 3, ["b"], Colour.RED), '{"to":"ada","size":3,"copies":["b"],"colour":"red"}'),
        (Report, {"year": 2030}, '{"year":2030}'),
        (Feed, Feed("http://f"), '{"url":"http://f"}'),
        (Order, Order(number=BIG), f'{{"number":{BIG}}}'),
        (Named, Named(Name="ada"), '{"Name":"ada","counts":{},"raw":null}'),
        (dict[str, int], {"a": 1}, '{"a":1}'),
        (list[int] | None, None, "null"),
        (int, 7, "7"),
    ],
)
def test_what_is_written_is_read_again(annotation: Any, payload: Any, written: str) -> None:
    codec = codec_of(annotation)
    assert codec.encode(payload) == written
    assert codec.decode is not None
    assert codec.decode(written) == payload
    assert codec.decode(written.encode()) == payload


@pytest.mark.parametrize("annotation", [inspect.Parameter.empty, Any, str, bytes, str | bytes])
def test_text_and_bytes_go_through_as_they_are(annotation: Any) -> None:
    assert codec_of(annotation).decode is None


@pytest.mark.parametrize(
    ("annotation", "payload", "wanted"),
    [(str, b"x", "must be str"), (bytes, "x", "must be bytes"), (Any, 5, "must be str or bytes")],
)
def test_another_type_is_refused(annotation: Any, payload: Any, wanted: str) -> None:
    with pytest.raises(InvalidType, match=wanted):
        codec_of(annotation).encode(payload)


@pytest.mark.parametrize(
    ("annotation", "payload"),
    [(Mail, {"size": 1}), (Mail, Mail(to=5)), (Report, {"year": "x"}), (Order, {"number": "x"}), (Mail, object())],  # type: ignore[arg-type]
)
def test_a_payload_that_does_not_fit_is_refused_before_it_is_sent(annotation: Any, payload: Any) -> None:
    with pytest.raises((InvalidValue, InvalidType), match=r"^payload is no "):
        codec_of(annotation).encode(payload)


@pytest.mark.parametrize("annotation", [Mail, Report, Feed, Order])
@pytest.mark.parametrize(
    "data", ["", "no json", "[]", "{}", '{"colour":"secret"}', b"\xff", '{"to":1,"number":"secret"}', "[" * 100_000]
)
def test_what_cannot_be_read_is_told_without_the_payload(annotation: Any, data: str | bytes) -> None:
    decode = codec_of(annotation).decode
    assert decode is not None
    with pytest.raises(BadPayload, match=r"^the payload cannot be read: ") as caught:
        decode(data)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("annotation", "data"),
    [
        (Cat | Dog, '{"type":"secret"}'),
        (Dog, '{"type":"Dog","secret":1}'),
        (Named, '{"Name":"a","secret":1}'),
        (Named, '{"Name":"a","counts":{"secret":"x"}}'),
    ],
)
def test_tags_and_keys_of_a_payload_are_not_told(annotation: Any, data: str) -> None:
    decode = codec_of(annotation).decode
    assert decode is not None
    with pytest.raises(BadPayload) as caught:
        decode(data)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"\xff", object()])
def test_what_cannot_be_written_is_refused(raw: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        codec_of(Named).encode(Named(Name="a", raw=raw))
    assert caught.value.field == "payload"


def test_bounds_of_an_annotation_hold() -> None:
    codec = codec_of(Annotated[int, msgspec.Meta(ge=10)])
    with pytest.raises(InvalidValue):
        codec.encode(3)
    with pytest.raises(ConfigurationError, match="without Annotated"):
        codec_of(Annotated[str, msgspec.Meta(min_length=3)])


def test_a_value_of_an_enumeration_is_not_told() -> None:
    decode = codec_of(Mail).decode
    assert decode is not None
    with pytest.raises(BadPayload) as caught:
        decode('{"to":"a","colour":"secret"}')
    assert str(caught.value) == "the payload cannot be read: Invalid enum value - at `$.colour`"


def test_a_type_that_is_no_json_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no JSON"):
        codec_of(type("Unknown", (), {}) | int | str)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "msgspec", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'interval-scheduler\[worker\]'"):
        codec_of(Mail)
