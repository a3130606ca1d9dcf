"""Scripts on the short way of the embedded engine mean what they mean on fakeredis's own, and leave nothing behind."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.exceptions import NoScriptError, ResponseError

from .embedded import BothWays

pytestmark = pytest.mark.asyncio

#: What each of them begins with.
CALL = "local call = redis.call\n"
#: Scripts with the keys `k`, `h`, `z` and the arguments `a` and `7`. Each must answer alike on both ways.
ALIKE = {
    "keys and arguments": "return { #KEYS, KEYS[1], KEYS[3], #ARGV, ARGV[1], ARGV[2], ARGV[3] }",
    "numbers": "return { 1, -2, 3.99, -3.99, 1e15, 0 }",
    "a float alone": "return 3.99",
    "truth": "return { true, false, true }",
    "true alone": "return true",
    "false alone": "return false",
    "nothing": "return",
    "an empty list": "return {}",
    "a list ends at the first nil": "return { 1, nil, 3 }",
    "lists in lists": "return { { 'a', { 'b', {} } }, {}, { { 1 } } }",
    "fields are left out": "return { 'a', b = 'c' }",
    "a status": "return redis.status_reply('FINE')",
    "a status in a list": "return { { ok = 'FINE' }, 1 }",
    "a double": "return { double = 2.5 }",
    "a long list": "local t = {} for n = 1, 9000 do t[n] = n end return t",
    "a list of long lists": "local t = {} for n = 1, 4001 do t[n] = 'x' end return { t, t }",
    "text is bytes": "return '\\0\\255\\r\\n'",
    "a missing key": "return { call('GET', 'none'), call('HMGET', 'none', 'a', 'b'), type(call('GET', 'none')) }",
    "written and read": (
        "call('SET', KEYS[1], 'v', 'PX', 60000) return { call('GET', KEYS[1]), call('EXISTS', KEYS[1], 'none') }"
    ),
    "numbers as arguments": "call('HSET', KEYS[2], 1, 2.5, 'x', 12345678901234) return call('HGETALL', KEYS[2])",
    "scores": (
        "call('ZADD', KEYS[3], 1893456000000, 'a', 0.1, 'b') return call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')"
    ),
    "a hash": (
        "return { call('HSET', KEYS[2], 'a', 1, 'b', 2, 'a', 3), call('HSET', KEYS[2], 'a', 4, 'c', 5),"
        " call('HMGET', KEYS[2], 'a', 'no', 'b', 'a'), call('HDEL', KEYS[2], 'a', 'no', 'a'),"
        " call('HGETALL', KEYS[2]), call('HDEL', KEYS[2], 'b', 'c'), call('EXISTS', KEYS[2]),"
        " call('HDEL', KEYS[2], 'b'), call('EXISTS', KEYS[2]) }"
    ),
    "fields that expire": (
        "local function left() local t = call('HTTL', KEYS[2], 'FIELDS', 2, 'a', 'b') return { t[1] > 0, t[2] > 0 } end"
        " call('HSET', KEYS[2], 'a', 1, 'b', 2) call('HEXPIRE', KEYS[2], 1000, 'FIELDS', 2, 'a', 'b')"
        " local first = left()"
        " call('HSET', KEYS[2], 'a', 3) local second = left() call('HDEL', KEYS[2], 'b')"
        " return { first, second, left(), call('HMGET', KEYS[2], 'a', 'b') }"
    ),
    "members of a sorted set": (
        "local function all() return call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES') end"
        " local function add(...) return call('ZADD', KEYS[3], ...) end"
        " return { add(3, 'a', 1, 'b', 2, 'a'), all(), add(5, 'b', 4, 'c', 2, 'a'), all(),"
        " add('NX', 9, 'a', 9, 'd'), add('0.5', 'e', '7.25', 'f'), add('-1', 'g'), all(),"
        " add('9007199254740993', 'h', '1e3', 'i', 0, 'j'), add('9007199254740993', 'k', '.5', 'l', '1.', 'm'), all() }"
    ),
    "the first members go": (
        "call('ZADD', KEYS[3], 1, 'a', 2, 'b', 2, 'c', 3, 'd', 4, 'e') local function go(...)"
        " return { call('ZREMRANGEBYRANK', KEYS[3], ...), call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'),"
        " call('ZSCORE', KEYS[3], 'b'), call('EXISTS', KEYS[3]) } end"
        " return { go(1, 1), go(0, 0), go(0, -4), go(0, 1), go(0, 9), go(0, 9) }"
    ),
    "a range by score": (
        "for n = 1, 9 do call('ZADD', KEYS[3], n, 'm' .. n) end local function of(...)"
        " return call('ZRANGE', KEYS[3], ...) end local by, limit = 'BYSCORE', 'LIMIT'"
        " return { of('-inf', 3, by, limit, 0, 9, 'WITHSCORES'), of('-inf', 5, by, limit, 0, 2, 'WITHSCORES'),"
        " of('-inf', 0, by, limit, 0, 2, 'WITHSCORES'), of('-inf', 5, by, limit, 0, -1, 'WITHSCORES'),"
        " of('-inf', 5, by, limit, 1, 2, 'WITHSCORES'), of('-inf', '(5', by, limit, 0, 9, 'WITHSCORES'),"
        " of('-inf', '5.5', by, limit, 0, 9), of(2, 5, by, limit, 0, 9, 'WITHSCORES'),"
        " of('-inf', 3, by, limit, 0, 0, 'WITHSCORES') }"
    ),
    "the head of a sorted set": (
        "call('ZADD', KEYS[3], '2.5', 'a', 1e12, 'b', '-inf', 'c') local function head(key, last, ...)"
        " return call('ZRANGE', key, 0, last, ...) end local scores = 'WITHSCORES'"
        " return { head(KEYS[3], 0, scores), head(KEYS[3], 1, scores), head(KEYS[3], 5, scores), head(KEYS[3], 1),"
        " head('none', 1, scores) }"
    ),
    "the head of a sorted set of one": (
        "call('ZADD', KEYS[3], 7, 'a') return call('ZRANGE', KEYS[3], 0, 1, 'WITHSCORES')"
    ),
    "several texts": "call('SET', 'a', 1) call('HSET', 'b', 'x', 1) return call('MGET', 'a', 'b', 'none')",
    "a text for another": "return { call('SET', 'a', 1, 'GET'), call('SET', 'a', 2, 'GET'), call('GET', 'a') }",
    "a score": (
        "call('ZADD', KEYS[3], '1.5', 'a') return { call('ZSCORE', KEYS[3], 'a'), call('ZMSCORE', KEYS[3], 'a', 'no') }"
    ),
    "emptied keys are gone": (
        "call('ZADD', KEYS[3], 1, 'a') call('ZREM', KEYS[3], 'a') return call('EXISTS', KEYS[3])"
    ),
    "keys as arguments of other commands": (
        "call('SET', 'a', 1) call('SET', 'b', 2) return { call('DEL', 'a', 'b', 'c'), call('EXISTS', 'a', 'b') }"
    ),
    "a command in small letters": "call('set', KEYS[1], 1) return call('get', KEYS[1])",
    "a command with a part": "return call('PUBSUB', 'NUMSUB', 'c')",
    "an error that is caught": (
        "call('SET', KEYS[1], 1) local e = redis.pcall('ZCARD', KEYS[1]) return tostring(e.err)"
    ),
    "an error caught by Lua": "local ok = pcall(redis.call, 'NO_SUCH') return ok and 1 or 0",
    "the globals of a script are all there": (
        "return { type(tonumber), type(string.rep), type(unpack), type(math.floor), type(_G.KEYS), type(redis.log) }"
    ),
}
#: Scripts that must fail alike, with the same words.
REFUSED = {
    "the wrong type": "call('SET', KEYS[1], 1) return call('ZCARD', KEYS[1])",
    "too few arguments": "return call('GET')",
    "too many arguments": "return call('GET', 'a', 'b')",
    "half a pair": "return call('HSET', KEYS[2], 'a')",
    "an unknown command": "return call('NO_SUCH', 'a')",
    "a command that scripts may not call": "return call('EVAL', 'return 1', 0)",
    "a score that is none": "return call('ZADD', KEYS[3], 'high', 'a')",
    "a score of two dots": "return call('ZADD', KEYS[3], 1, 'a', '1.2.3', 'b')",
    "a score of nothing": "return call('ZADD', KEYS[3], 1, 'a', '', 'b')",
    "a score that is too great": "return call('ZADD', KEYS[3], 1, 'a', ('9'):rep(400), 'b')",
    "a score without a member": "return call('ZADD', KEYS[3], 1, 'a', 2)",
    "no number": "return call('PEXPIRE', KEYS[1], 'soon')",
    "a table as an argument": "return call('GET', {})",
    "an error of its own": "return redis.error_reply('CORRUPT this and that')",
    "an error in Lua": "local t = nil return t.x",
    "an error raised": "error('as it should')",
    "bad syntax": "return return",
}


@pytest_asyncio.fixture
async def ways() -> AsyncIterator[BothWays]:
    made = BothWays()
    yield made
    await made.close()


def _said(error: Exception) -> str:
    """The first line of an error; the others name the lines of the interpreter's own code."""
    return str(error).partition("\n")[0]


@pytest.mark.parametrize("text", ALIKE.values(), ids=ALIKE)
async def test_a_reply_is_the_same(ways: BothWays, text: str) -> None:
    for _ in range(2):  # the second time, the compiled script runs
        short, long = await ways.both(CALL + text, ["k", "h", "z"], ["a", 7])
        assert not isinstance(long, Exception)
        assert short == long
        assert type(short) is type(long)


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
async def test_a_refusal_is_the_same(ways: BothWays, text: str) -> None:
    for _ in range(2):
        short, long = await ways.both(CALL + text, ["k", "h", "z"], ["a", 7])
        assert isinstance(short, ResponseError)
        assert (type(short), _said(short)) == (type(long), _said(long))
    assert await ways.both("return 1") == (1, 1), "a later script runs"


@pytest.mark.parametrize("name", ["leaked", "_G.leaked", "redis", "KEYS"])
async def test_a_global_cannot_be_set_for_others(ways: BothWays, name: str) -> None:
    if name in {"leaked", "_G.leaked"}:
        refused = await ways.run(ways.short, f"{name} = 1", [], [])
        assert isinstance(refused, ResponseError)
        assert "Script attempted to set global variables: leaked" in str(refused)
    else:
        await ways.run(ways.short, f"pcall(function() {name} = 'spoilt' end)", ["k"], [])
    seen = "return { type(leaked), type(redis), #KEYS, #ARGV }"
    assert await ways.run(ways.short, seen, [], ["a"]) == [b"nil", b"table", 0, 1]


async def test_a_script_sees_nothing_of_its_last_call(ways: BothWays) -> None:
    text = """
        local before = mark or 'none'
        if ARGV[1] == 'set' then pcall(function() mark = 'set' end) end
        return { before, #KEYS, ARGV[1] }
    """
    assert await ways.run(ways.short, text, ["a", "b"], ["set", "more"]) == [b"none", 2, b"set"]
    assert await ways.run(ways.short, text, [], []) == [b"none", 0]


async def test_a_key_that_is_over_is_gone(ways: BothWays, monkeypatch: pytest.MonkeyPatch) -> None:
    await ways.run(ways.short, "redis.call('SET', KEYS[1], 'v', 'PX', 1)", ["k"], [])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 1)
    look = "return { redis.call('ZCARD', KEYS[1]), redis.call('EXISTS', KEYS[1]), redis.call('GET', KEYS[1]) }"
    assert await ways.run(ways.short, look, ["k"], []) == [0, 0, None], "of whatever type it was"


async def test_a_script_that_the_store_forgot_is_not_run(ways: BothWays) -> None:
    sha = await ways.short.script_load("return 1")
    assert await ways.short.execute_command("EVALSHA", sha, 0) == 1
    await ways.short.script_flush()
    with pytest.raises(NoScriptError):
        await ways.short.execute_command("EVALSHA", sha, 0)
