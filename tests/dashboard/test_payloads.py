"""Payloads and texts as they are shown."""

from __future__ import annotations

import json
import logging
from asyncio import CancelledError
from typing import Any

import pytest

from interval_scheduler.dashboard.payloads import MOST_SHOWN, allowed, shown
from interval_scheduler.dashboard.visible import escaped, identity


def test_json_keeps_every_digit_and_every_name() -> None:
    numbers = '"a":12345678901234567890123456789,"b":3.14159265358979323846,"c":1e400'
    text = "{" + numbers + ',"a":[],"d":{},"e":[1,{"f":"x, [y]: \\"z\\""}]}'
    found = shown(text)
    assert (found.kind, found.size, found.more) == ("json", len(text), 0)
    lines = found.text.splitlines()
    assert lines[1] == '  "a": 12345678901234567890123456789,'
    assert lines[2] == '  "b": 3.14159265358979323846,'
    assert lines[3] == '  "c": 1e400,'
    assert lines[4] == '  "a": [],'
    assert lines[5] == '  "d": {},'
    assert lines[9] == '      "f": "x, [y]: \\"z\\""'
    assert json.loads(found.text) == json.loads(text)


def test_json_with_more_digits_than_python_reads_is_json() -> None:
    text = "[" + "9" * 6000 + "]"
    assert shown(text) == shown(text.encode())
    assert shown(text).kind == "json"
    assert "9" * 6000 in shown(text).text


@pytest.mark.parametrize(
    "text", ["[" * 30_000, "[" * 30_000 + "]" * 30_000, "[" * 101 + "]" * 101, "{not json}", "[1] [2]"]
)
def test_what_is_no_json_to_be_read_is_text(text: str) -> None:
    assert (shown(text).kind, shown(text).text) == ("text", text)


def test_json_that_would_grow_too_large_is_text() -> None:
    text = "[" * 90 + ",".join("1" * 20_000) + "]" * 90
    assert shown(text).kind == "text"


def test_a_long_payload_is_cut_between_characters() -> None:
    text = "a" + "é" * MOST_SHOWN
    found = shown(text)
    assert found.kind == "text"
    assert found.text == "a" + "é" * ((MOST_SHOWN - 1) // 2)
    assert len(found.text.encode()) + found.more == found.size == len(text.encode())
    large = shown(bytes(100 * 1024 * 1024))
    assert (large.kind, large.more, large.size) == ("bytes", 100 * 1024 * 1024 - MOST_SHOWN, 100 * 1024 * 1024)
    assert len(large.text.splitlines()) == MOST_SHOWN // 16


def test_bytes_are_hex_and_text_if_they_are_text() -> None:
    found = shown(b"\x00\xffabc<" + bytes(20))
    assert found.kind == "bytes"
    assert found.text.splitlines()[0] == "00000000  00 ff 61 62 63 3c 00 00 00 00 00 00 00 00 00 00  ..abc<.........."
    assert found.text.splitlines()[1].startswith("00000010  00 00")
    assert (shown("ü".encode()).kind, shown("ü".encode()).text) == ("text", "ü")
    assert shown("").kind == shown(b"").kind == "empty"
    assert shown("a\tb\nc\x1b[0m\u202e").text == "a\tb\nc\\x1b[0m\\u202e"


def test_escapes_differ_from_the_characters_of_an_id() -> None:
    assert escaped("a b\n\x7f\x85\u200b\u2066\U000e0001") == "a b\\n\\x7f\\x85\\u200b\\u2066\\U000e0001"
    assert identity("\\n\n<") == '<bdi class="id">\\n<span class="escape">\\n</span>&lt;</bdi>'
    assert identity("שלום") == '<bdi class="id">שלום</bdi>'


class _Gone(BaseException):
    pass


@pytest.mark.parametrize("answer", [ValueError("secret"), _Gone(), SystemExit(3), CancelledError(), 7, None])
def test_a_payload_is_not_shown_if_redact_fails(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    def redact(task_id: str, data: str | bytes) -> str:
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return] # what it must not do

    with caplog.at_level(logging.ERROR):
        assert allowed(redact, "a\nb", "secret") is None
    assert "Traceback" in caplog.text
    assert "a\\nb" in caplog.text
    assert shown(None).kind == "hidden"
    assert allowed(None, "a", b"x") == b"x"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()])])
def test_redact_does_not_hide_an_interrupt(interrupt: BaseException) -> None:
    def redact(task_id: str, data: str | bytes) -> str:
        raise interrupt

    with pytest.raises(type(interrupt)):
        allowed(redact, "a", "b")
