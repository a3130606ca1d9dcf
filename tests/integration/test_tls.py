"""`rediss://` with a throw-away authority: what is verified, and what a user is told where that fails."""

from __future__ import annotations

import asyncio
import ssl
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from interval_scheduler import (
    IntervalTask,
    PartitionOffline,
    RedisInstance,
    Scheduler,
    SchedulerError,
    UnsuitableServer,
)
from tests.clusters import RedisCluster
from tests.proxy import Proxy
from tests.servers import RedisServer, binaries, default_binary, free_port, has_tls
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

NewServer = Callable[..., RedisServer]
SECRET = "kX7-secret"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates to trust, as a file."""
    return _file_of(authority, tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    """A good one, for this machine."""
    return authority.issue_cert("127.0.0.1", "localhost")


def _file_of(authority: trustme.CA, folder: Path) -> Path:
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@asynccontextmanager
async def serving(own_server: NewServer, certificate: trustme.LeafCert, folder: Path) -> AsyncIterator[int]:
    """A port where a Redis with its password is behind TLS: of the server itself, or of a proxy if it knows no TLS."""
    plain = own_server(requirepass=SECRET)
    if not has_tls(plain.binary):
        async with Proxy(plain.port, _context(certificate)) as proxy:
            yield proxy.port
        return
    file = folder / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(file))
    port = free_port()
    own_server(
        requirepass=SECRET,
        tls_port=str(port),
        tls_cert_file=str(file),
        tls_key_file=str(file),
        tls_ca_cert_file=str(file),
        tls_auth_clients="no",
    )
    yield port


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def url_of(port: int, trusted: Path | None = None, host: str = "localhost", scheme: str = "rediss") -> str:
    query = "" if trusted is None else f"&tls_ca_file={trusted}"
    return f"{scheme}://:{SECRET}@{host}:{port}/0?name=here{query}"


def connecting(url: str, retry_for_seconds: float = 5) -> Scheduler:
    return Scheduler.from_url(
        url,
        connect_timeout_seconds=retry_for_seconds,
        operation_timeout_seconds=retry_for_seconds,
        reconnect_interval_seconds=0.02,
    )


async def refused(url: str, kind: type[SchedulerError], says: str, retry_for_seconds: float = 5) -> None:
    """Connecting fails in time, as an error that names the partition, says what is wrong, and tells no secret."""
    scheduler = connecting(url, retry_for_seconds)
    began = time.monotonic()
    with pytest.raises(kind, match=says) as caught:
        await scheduler.connect()
    assert time.monotonic() - began < 4 * retry_for_seconds
    assert type(caught.value) is kind
    assert str(caught.value).startswith("partition 'here' ")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in f"{caught.value!r} {scheduler!r}"
    await scheduler.close()


async def use(scheduler: Scheduler) -> None:
    """Assign, look, run, lock."""
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    assert await scheduler.assign_task(IntervalTask("a", "x" * 100_000, every=60)) is True
    assert await scheduler.is_scheduled("a") == "x" * 100_000
    await recorder.ran(1)
    async with scheduler.lock("name", 5) as lock:
        assert lock.token > 0
    assert await scheduler.clear_all_tasks() == 1


async def test_it_works_with_the_authority_given_by_url(
    own_server: NewServer, certificate: trustme.LeafCert, trusted: Path, tmp_path: Path
) -> None:
    async with serving(own_server, certificate, tmp_path) as port, connecting(url_of(port, trusted)) as scheduler:
        await use(scheduler)


async def test_it_works_with_the_authority_given_as_an_option(
    own_server: NewServer, certificate: trustme.LeafCert, trusted: Path, tmp_path: Path
) -> None:
    async with serving(own_server, certificate, tmp_path) as port:
        instance = RedisInstance("127.0.0.1", port, password=SECRET, tls=True, tls_ca_file=str(trusted))
        async with Scheduler({"storage": {"instances": [instance]}}) as scheduler:
            await use(scheduler)


@pytest.mark.parametrize("other", [True, False], ids=["another one is trusted", "those of the system are trusted"])
async def test_an_unknown_authority(
    own_server: NewServer, certificate: trustme.LeafCert, tmp_path: Path, *, other: bool
) -> None:
    trusted = _file_of(trustme.CA(), tmp_path) if other else None
    async with serving(own_server, certificate, tmp_path) as port:
        says = r"has a certificate that cannot be verified \(.*certificate.*\): give .* as tls_ca_file$"
        await refused(url_of(port, trusted), UnsuitableServer, says)


async def test_a_cluster(certificate: trustme.LeafCert, trusted: Path, tmp_path: Path) -> None:
    """Who is asked where slots are is asked by TLS as well."""
    file = tmp_path / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(file))
    port = free_port()
    settings = {
        "tls_cluster": "yes",
        "tls_port": str(port),
        "tls_cert_file": str(file),
        "tls_key_file": str(file),
        "tls_ca_cert_file": str(trusted),
        "tls_auth_clients": "no",
    }
    if (binary := next(filter(has_tls, (default_binary(), *binaries().values())), None)) is None:
        pytest.skip("no redis-server with TLS is at hand")
    with RedisCluster(binary, primaries=1, replicas=False, **settings):
        async with connecting(f"rediss+cluster://127.0.0.1:{port}?partitions=2&tls_ca_file={trusted}") as scheduler:
            await use(scheduler)


@pytest.mark.parametrize(("host", "names"), [("localhost", "elsewhere.example"), ("127.0.0.1", "localhost")])
async def test_a_wrong_host_name(
    own_server: NewServer, authority: trustme.CA, trusted: Path, tmp_path: Path, host: str, names: str
) -> None:
    async with serving(own_server, authority.issue_cert(names), tmp_path) as port:
        says = rf"\(.*mismatch, certificate is not valid for '{host}'\): connect by a name that it is for$"
        await refused(url_of(port, trusted, host), UnsuitableServer, says)


async def test_a_certificate_that_has_expired(
    own_server: NewServer, authority: trustme.CA, trusted: Path, tmp_path: Path
) -> None:
    day, now = timedelta(days=1), datetime.now(UTC)
    expired = authority.issue_cert("localhost", not_before=now - 3 * day, not_after=now - day)
    async with serving(own_server, expired, tmp_path) as port:
        says = r"\(certificate has expired\): it has to be renewed$"
        await refused(url_of(port, trusted), UnsuitableServer, says)


async def test_plain_redis_to_a_port_for_tls(
    own_server: NewServer, certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    async with serving(own_server, certificate, tmp_path) as port:
        await refused(
            url_of(port, scheme="redis"), PartitionOffline, r"is offline \(.*for TLS needs rediss://.*\): nothing"
        )


async def test_tls_to_a_port_without_it(own_server: NewServer, trusted: Path) -> None:
    # The server takes the first bytes for the beginning of a command, and waits for the rest.
    port = own_server(requirepass=SECRET).port
    says = r"is offline \((did not answer in time.* one side alone speaks TLS|.*needs redis://.*)\)"
    await refused(url_of(port, trusted), PartitionOffline, says, retry_for_seconds=3)


async def test_a_certificate_that_is_changed_while_schedulers_run(
    own_server: NewServer,
    authority: trustme.CA,
    certificate: trustme.LeafCert,
    trusted: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = own_server(requirepass=SECRET)
    context = _context(certificate)
    async with Proxy(server.port, context) as proxy, connecting(url_of(proxy.port, trusted)) as scheduler:
        offline, online = asyncio.Event(), asyncio.Event()
        scheduler.on("offline", offline.set)
        scheduler.on("online", online.set)
        await scheduler.assign_task(IntervalTask("a", every=60))
        authority.issue_cert("elsewhere.example").configure_cert(context)
        proxy.cut()
        await asyncio.wait_for(offline.wait(), 60)
        with pytest.raises(PartitionOffline):
            await scheduler.assign_task(IntervalTask("b", every=60))
        assert "partition 'here' has a certificate that cannot be verified (Hostname mismatch" in caplog.text
        certificate.configure_cert(context)
        await asyncio.wait_for(online.wait(), 60)
        await until(lambda: scheduler.online)
        assert await scheduler.assign_task(IntervalTask("a", every=60)) is False
    assert SECRET not in caplog.text
