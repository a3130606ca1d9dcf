"""Certificates of clients, which Redis asks for unless it is told otherwise: shown, missing, and not accepted."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import trustme

from interval_scheduler import ConfigurationError, IntervalTask, RedisInstance, Scheduler, UnsuitableServer
from tests.sentinels import SERVICE, SentinelServer
from tests.servers import RedisServer, default_binary, free_port, has_tls
from tests.waiting import until

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not has_tls(default_binary()), reason="this server was built without TLS"),
]

NewServer = Callable[..., RedisServer]
SECRET: Final = "kX7-secret"


class Files:
    """An authority, with a certificate of the server and one of the client, in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.trusted = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(self.trusted))
        self.server = folder / "server.pem"
        self.authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
            str(self.server)
        )
        self.cert, self.key = self.client(self.authority, "client")

    def client(self, authority: trustme.CA, name: str, **rest: Any) -> tuple[Path, Path]:
        """A certificate and its key."""
        issued = authority.issue_cert("someone", **rest)
        cert, key = self.folder / f"{name} cert.pem", self.folder / f"{name}-key.pem"
        cert.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return cert, key


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


def serving(own_server: NewServer, files: Files, **settings: str) -> int:
    """The port of a Redis that asks clients for a certificate, as it does by default."""
    return serve(own_server, files, **settings)[1]


def serve(own_server: NewServer, files: Files, **settings: str) -> tuple[RedisServer, int]:
    """A Redis that asks clients for a certificate, and its port for TLS."""
    port = free_port()
    server = own_server(
        requirepass=SECRET,
        tls_port=str(port),
        tls_cert_file=str(files.server),
        tls_key_file=str(files.server),
        tls_ca_cert_file=str(files.trusted),
        **settings,
    )
    return server, port


def url_of(port: int, files: Files, cert: Path | None = None, key: Path | None = None) -> str:
    url = f"rediss://:{SECRET}@localhost:{port}/0?name=here&tls_ca_file={files.trusted}"
    for option, path in (("tls_cert_file", cert), ("tls_key_file", key)):
        if path is not None:
            url += f"&{option}={quote(str(path))}"
    return url


async def use(scheduler: Scheduler) -> None:
    async with scheduler:
        assert await scheduler.assign_task(IntervalTask("t", every=1000))
        assert await scheduler.task_size() == 1


async def test_one_is_shown(own_server: NewServer, files: Files) -> None:
    port = serving(own_server, files)
    await use(Scheduler.from_url(url_of(port, files, files.cert, files.key)))


async def test_the_key_may_be_in_the_same_file(own_server: NewServer, files: Files, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files.key.read_bytes() + files.cert.read_bytes())
    port = serving(own_server, files)
    instance = RedisInstance(
        "localhost", port, password=SECRET, tls=True, tls_ca_file=str(files.trusted), tls_cert_file=str(both)
    )
    await use(Scheduler({"storage": {"instances": [instance]}}))


async def test_a_server_that_hangs_ends_nothing(own_server: NewServer, files: Files) -> None:
    """It does not answer the farewell of a connection by TLS either, for which the client waits by default."""
    server, port = serve(own_server, files)
    states: list[str] = []
    async with Scheduler.from_url(
        url_of(port, files, files.cert, files.key),
        connect_timeout_seconds=2,
        operation_timeout_seconds=4,
        reconnect_interval_seconds=0.05,
    ) as scheduler:
        for event in ("db-disconnect", "db-reconnect", "stopped"):
            scheduler.on(event, lambda *_, event=event: states.append(event))
        await asyncio.gather(*[scheduler.check_health() for _ in range(10)])  # so that connections lie idle
        server.freeze()
        try:
            await until(lambda: "db-disconnect" in states)
            await asyncio.sleep(5)  # attempts to reach it, and the longest farewell, fail in this time
        finally:
            server.thaw()
        await until(lambda: "db-reconnect" in states or "stopped" in states)
        assert "stopped" not in states
        await scheduler.assign_task(IntervalTask("t", every=1000))


async def refused(url: str, says: str) -> None:
    scheduler = Scheduler.from_url(url, connect_timeout_seconds=5, reconnect_interval_seconds=0.02)
    with pytest.raises(UnsuitableServer, match=says) as caught:
        await scheduler.connect()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    await scheduler.close()


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        ("TLSv1.3", "'here' asks for a certificate of this side: give tls_cert_file and tls_key_file"),
        ("TLSv1.2", "'here' refuses the handshake of TLS; if it asks for .* give tls_cert_file and tls_key_file"),
    ],
)
async def test_without_one_it_says_so(own_server: NewServer, files: Files, protocol: str, says: str) -> None:
    port = serving(own_server, files, tls_protocols=protocol)
    for _ in range(5):  # the words must not depend on what arrives first
        await refused(url_of(port, files), says)


async def test_one_of_an_unknown_authority(own_server: NewServer, files: Files) -> None:
    cert, key = files.client(trustme.CA(), "unknown")
    port = serving(own_server, files)
    await refused(url_of(port, files, cert, key), r"does not accept the certificate of this side \(unknown CA\)")


async def test_one_that_is_over(own_server: NewServer, files: Files) -> None:
    over = datetime.now(UTC) - timedelta(days=1)
    cert, key = files.client(files.authority, "over", not_after=over, not_before=over - timedelta(days=1))
    port = serving(own_server, files)
    await refused(url_of(port, files, cert, key), r"\(certificate expired\): look at tls_cert_file")


async def test_sentinels_are_shown_one_too(own_server: NewServer, files: Files, namespace: str) -> None:
    port = serving(own_server, files)
    own = free_port()
    lines = [
        f"tls-port {own}",
        f"tls-cert-file {files.server}",
        f"tls-key-file {files.server}",
        f"tls-ca-cert-file {files.trusted}",
        "tls-replication yes",
        f"sentinel auth-pass {SERVICE} {SECRET}",
    ]
    with SentinelServer(port, quorum=1, lines=lines):
        query = f"tls_ca_file={files.trusted}&tls_cert_file={quote(str(files.cert))}&tls_key_file={files.key}"
        url = f"rediss+sentinel://:{SECRET}@127.0.0.1:{own}/{SERVICE}/0?{query}"
        await use(Scheduler.from_url(url, namespace=namespace))


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"tls": False, "tls_cert_file": "cert"}, "tls_cert_file", "needs tls=True"),
        ({"tls_cert_file": "/nowhere.pem"}, "tls_cert_file", "is not a file: /nowhere.pem"),
        ({"tls_cert_file": "cert", "tls_key_file": "/nowhere.pem"}, "tls_key_file", "is not a file"),
        ({"tls_key_file": "key"}, "tls_key_file", "needs tls_cert_file"),
        ({"tls_cert_file": "cert"}, "tls_cert_file", "has no private key in it .*give tls_key_file"),
        ({"tls_cert_file": "key", "tls_key_file": "key"}, "tls_cert_file", "has no certificate in it"),
        ({"tls_cert_file": "cert", "tls_key_file": "cert"}, "tls_key_file", "has no private key in it"),
        ({"tls_cert_file": "cert", "tls_key_file": "other"}, "tls_key_file", "does not belong to the certificate"),
        ({"tls_cert_file": "cert", "tls_key_file": "encrypted"}, "tls_key_file", "has an encrypted key"),
        ({"tls_cert_file": "cert", "tls_key_file": "damaged"}, "tls_key_file", "cannot be used"),
    ],
)
async def test_files_are_checked_before_anything_is_sent(
    files: Files, tmp_path: Path, fields: dict[str, Any], field: str, says: str
) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(SECRET.encode()),
    )
    _, other = files.client(files.authority, "other")
    begin, _, rest = files.key.read_bytes().partition(b"\n")
    paths = {"cert": files.cert, "key": files.key, "other": other}
    for name, content in (("encrypted", encrypted), ("damaged", begin + b"\nAAAA" + rest)):
        paths[name] = tmp_path / name
        paths[name].write_bytes(content)
    given: dict[str, Any] = {"tls": True}
    given |= {name: str(paths.get(value, value)) if isinstance(value, str) else value for name, value in fields.items()}
    with pytest.raises(ConfigurationError, match=says) as caught:
        RedisInstance(**given)
    assert caught.value.field == field
    assert "PRIVATE KEY" not in "".join(traceback.format_exception(caught.value))


async def test_a_certificate_that_is_renewed_is_used_for_the_next_connection(
    own_server: NewServer, files: Files, tmp_path: Path
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    before = files.client(files.authority, "before", not_after=datetime.now(UTC) - timedelta(days=1))
    for path, source in zip((cert, key), before, strict=True):
        path.write_bytes(source.read_bytes())
    url = url_of(serving(own_server, files), files, cert, key)
    scheduler = Scheduler.from_url(url)
    with pytest.raises(UnsuitableServer, match="certificate expired"):
        await scheduler.connect()
    for path, source in zip((cert, key), (files.cert, files.key), strict=True):
        path.write_bytes(source.read_bytes())
    await use(scheduler)
