"""The private servers of the tests are told apart: two processes may choose the same free port."""

from __future__ import annotations

from tests.servers import RedisServer


def test_a_server_whose_port_was_taken_starts_elsewhere() -> None:
    with RedisServer() as first, RedisServer(port=first.port) as second:
        assert second.port != first.port
        with second.client() as client:
            assert client.info("server")["process_id"] == second.pid
