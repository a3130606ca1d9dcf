"""The private servers of the tests are told apart: two processes may choose the same free port."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.servers import RedisServer, keepers


def test_a_server_whose_port_was_taken_starts_elsewhere() -> None:
    with RedisServer() as first, RedisServer(port=first.port) as second:
        assert second.port != first.port
        with second.client() as client:
            assert client.info("server")["process_id"] == second.pid


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, no server can listen at a port that is kept for it")
def test_the_port_of_a_server_that_is_down_is_given_to_nobody_else() -> None:
    before = keepers()
    with RedisServer() as server:
        port = server.port
        assert len(keepers() - before) == 1
        server.kill()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        assert server.start().port == port
    assert keepers() == before
