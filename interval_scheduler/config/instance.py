"""`RedisInstance`: the place of one partition, as a value and as a URL."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from ..errors import ConfigurationError, ConfigurationTypeError
from .certificates import check_pair
from .folders import MOST_LOCAL_DB, absolute, local_url
from .urls import digits, parse

#: The most partitions of one cluster.
MOST_SHARDS: Final = 256
_TEXTS: Final = (
    "username",
    "password",
    "tls_ca_file",
    "tls_cert_file",
    "tls_key_file",
    "socket_path",
    "name",
    "memory",
    "folder",
    "service",
    "sentinel_username",
    "sentinel_password",
)
_NOT_IN_HOST: Final = frozenset("/@, \t\r\n")
_SERVICE: Final = re.compile(r"[A-Za-z0-9._-]+")
_LOOKS_LIKE_A_PATH: Final = re.compile(r"[~.]{0,2}/?[\w.-]+(?:/[\w.-]+)*\.[a-z]{3,4}|/[\w.-]+(?:/[\w.-]+)*")
_LIKE_CREDENTIALS: Final = re.compile(r":.*@", re.DOTALL)
_FORBIDDEN_IN_NAME: Final = frozenset("{}*\0 \t\r\n,")
#: The characters of a socket's path that stay as they are in a name: all of ASCII that can stand in one.
_SAFE_IN_PATH: Final = "".join({chr(code) for code in range(33, 127)} - _FORBIDDEN_IN_NAME)


@dataclass(frozen=True, slots=True)
class RedisInstance:
    """One Redis database, which is one partition.

    Args:
        host: host name or address. Default `"localhost"`.
        port: 1 to 65535; digits in a string are taken too. Default 6379.
        db: the number of the database. Default 0.
        username: for Redis ACLs; not shown in a repr, since a password is easily written in its place. Default none.
        password: never shown in any message, log line or repr. Default none.
        tls: encrypt, and verify the server's certificate. Default False.
        tls_ca_file: path of the certificates to trust, PEM. Default: those of the system.
        tls_cert_file: path of the certificate that this side shows, PEM; Redis asks for one unless it has
            `tls-auth-clients no`. It is read anew for each connection. Default none.
        tls_key_file: path of its private key, PEM, not encrypted. Default: the key is in `tls_cert_file`.
        socket_path: path of a Unix socket, instead of host and port.
        name: the name of the partition in keys and placement. Default: its address. Give a name if the address may
            change: tasks are found by the name. The path of a socket has blanks and the like percent-encoded there.
        memory: use the embedded engine instead of a server; the value names the in-process store
            (`""`: a store of this scheduler alone).
        folder: use a private server that has its data in this folder, and is started where none runs there: `local://`.
            A relative path is taken from the current directory of this moment. The name of the partition is
            `local/<db>` by default, so that the folder can be moved; give names to several folders.
        sentinels: the addresses of Sentinels, `"host:port"` each. They tell the address of the primary of `service`,
            which replaces `host` and `port`; the partition is named after the service.
        service: the name that the Sentinels have for the primary and its replicas.
        sentinel_username: for the ACL of the Sentinels themselves. Default none.
        sentinel_password: for the ACL of the Sentinels themselves; never shown. Default none.
        cluster: the addresses of some nodes of a Redis Cluster, `"host:port"` each. The instance is one partition of
            the cluster, on the node that has its slot. See `of_cluster`, which makes all partitions.
        shard: the number of the partition in the cluster, from 0.

    Raises:
        ConfigurationError: a bad value; the message names the field.
    """

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_ca_file: str | None = None
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    socket_path: str | None = None
    name: str | None = None
    memory: str | None = None
    folder: str | None = None
    sentinels: Sequence[str] = ()
    service: str | None = None
    sentinel_username: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    cluster: Sequence[str] = ()
    shard: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.host, str):
            raise ConfigurationTypeError("host", f"must be a str, not {type(self.host).__name__}")
        if not self.host or _NOT_IN_HOST.intersection(self.host):
            raise ConfigurationError("host", "must be a host name or an address; give a URL to RedisInstance.from_url")
        object.__setattr__(self, "port", digits("port", self.port))
        object.__setattr__(self, "db", digits("db", self.db))
        if not 1 <= self.port <= 65535:
            raise ConfigurationError("port", "must be from 1 to 65535")
        if not 0 <= self.db <= 1_000_000:
            raise ConfigurationError("db", "must be from 0 to 1000000")
        for option in _TEXTS:
            value = getattr(self, option)
            if value is not None and not isinstance(value, str):
                raise ConfigurationTypeError(option, f"must be a str, not {type(value).__name__}")
        if not isinstance(self.tls, bool):
            raise ConfigurationTypeError("tls", "must be True or False")
        self._check_folder()
        self._check_tls()
        self._check_sentinels()
        self._check_cluster()
        name = self.partition_name
        if "://" in name or (self.name is not None and _LIKE_CREDENTIALS.search(self.name)):
            # The name stands in keys and messages, and a URL may have a password.
            raise ConfigurationError("name", "must not be a URL: it is shown in messages")
        if not 0 < len(name) <= 256 or not name.isascii() or _FORBIDDEN_IN_NAME.intersection(name) or name[0] == ":":
            raise ConfigurationError(
                # It is not shown: the rest of a password that was not encoded may end up here.
                "name",
                "must be 1 to 256 ASCII characters, none of { } * , or blank, the first not a colon",
            )

    def _check_folder(self) -> None:
        if self.folder is None:
            return
        for option in ("username", "password", "socket_path", "memory"):
            if getattr(self, option) is not None:
                raise ConfigurationError(option, "cannot be combined with folder, which has a server of its own")
        for option in ("tls", "sentinels", "cluster"):
            if getattr(self, option):
                raise ConfigurationError(option, "cannot be combined with folder, which has a server of its own")
        if self.db > MOST_LOCAL_DB:
            raise ConfigurationError("db", f"must be from 0 to {MOST_LOCAL_DB} on the server of a folder")
        object.__setattr__(self, "folder", absolute("folder", self.folder))

    def _check_tls(self) -> None:
        if self.tls and self.socket_path is not None:
            raise ConfigurationError("tls", "cannot be combined with socket_path")
        for option in ("tls_ca_file", "tls_cert_file", "tls_key_file"):
            path = getattr(self, option)
            if path is not None and not self.tls:
                raise ConfigurationError(option, "needs tls=True (rediss://)")
            if path is not None and not os.path.isfile(path):  # noqa: PTH113 - a plain check
                raise ConfigurationError(option, f"is not a file: {_shown_path(path)}")
        if self.tls_key_file is not None and self.tls_cert_file is None:
            raise ConfigurationError("tls_key_file", "needs tls_cert_file, the certificate to this key")
        if self.tls_cert_file is not None:
            check_pair(self.tls_cert_file, self.tls_key_file)

    def _check_sentinels(self) -> None:
        object.__setattr__(self, "sentinels", _check_nodes("sentinels", self.sentinels))
        if self.sentinels and not self.service:
            raise ConfigurationError("service", "must say what the Sentinels call it: redis+sentinel://host/service")
        if self.sentinels and not _SERVICE.fullmatch(str(self.service)):
            # The value is not shown: the rest of a password that was not encoded ends up here.
            raise ConfigurationError("service", "must consist of A-Z, a-z, 0-9 and . - _, as Sentinels want it")
        if self.sentinels and (self.socket_path is not None or self.memory is not None):
            raise ConfigurationError("sentinels", "cannot be combined with socket_path or memory")
        for option in ("service", "sentinel_username", "sentinel_password"):
            if getattr(self, option) is not None and not self.sentinels:
                raise ConfigurationError(option, "needs sentinels")

    def _check_cluster(self) -> None:
        object.__setattr__(self, "cluster", _check_nodes("cluster", self.cluster))
        object.__setattr__(self, "shard", digits("shard", self.shard))
        if not 0 <= self.shard < (MOST_SHARDS if self.cluster else 1):
            raise ConfigurationError("shard", f"must be from 0 to {MOST_SHARDS - 1}, and needs cluster")
        if self.cluster:
            if self.sentinels or self.socket_path is not None or self.memory is not None:
                raise ConfigurationError("cluster", "cannot be combined with sentinels, socket_path or memory")
            if self.db:
                raise ConfigurationError("db", "cannot be chosen in a cluster: it has only one")
            if self.name is not None:
                raise ConfigurationError(
                    "name", "cannot be chosen in a cluster: its partitions have names of their own"
                )

    @property
    def address(self) -> str:
        """The address, for example `localhost:6379/0`; it shows no secret."""
        if self.cluster:
            return f"shard-{self.shard}"
        if self.sentinels:
            return f"{self.service}/{self.db}"
        if self.memory is not None:
            return f"memory:{self.memory}/{self.db}"
        if self.folder is not None:
            return local_url(self.folder) + (f"?db={self.db}" if self.db else "")
        if self.socket_path is not None:
            return f"{quote(self.socket_path, _SAFE_IN_PATH)}/{self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.db}"

    @property
    def location(self) -> str:
        """The text that tells this instance from every other: its address, and the Sentinels that are asked for it."""
        return f"{self.address} of {', '.join(sorted(self.sentinels))}" if self.sentinels else self.address

    @property
    def partition_name(self) -> str:
        """The name of the partition: `name` if it is set, else `local/<db>` for a folder, else the address."""
        if self.name is not None:
            return self.name
        return self.address if self.folder is None else f"local/{self.db}"

    @classmethod
    def from_url(cls, url: str) -> RedisInstance:
        """Return the instance that a URL names.

        Args:
            url: `redis://[[user]:password@]host[:port][/db]`, `rediss://…` (TLS), `unix:///path.sock?db=0`,
                `memory://[store]`, `local://./folder?db=0`, or `redis+sentinel://host[:port],…/service[/db]`
                (`rediss+sentinel://` with TLS);
                `?name=…` names the partition, `?tls_ca_file=…` the trusted certificates, `?tls_cert_file=…` and
                `?tls_key_file=…` those of this side, `?sentinel_username=…` and `?sentinel_password=…` the credentials
                for the Sentinels themselves.

        Raises:
            ConfigurationError: another scheme, a bad port or database, an unknown option.
        """
        fields, partitions = parse(url)
        if partitions is not None:
            raise ConfigurationError(
                "url", "names a whole cluster, which is many partitions: give it to Scheduler.from_url or to instances"
            )
        return cls(**fields)

    @classmethod
    def all_from_url(cls, url: str) -> tuple[RedisInstance, ...]:
        """Return the instances of a URL: one as `from_url`, or each partition of a cluster.

        The URL of a cluster is `redis+cluster://host[:port],…[?partitions=16]`.

        Raises:
            ConfigurationError: as `from_url`.
        """
        fields, partitions = parse(url)
        return (cls(**fields),) if partitions is None else cls.of_cluster(partitions=partitions, **fields)

    @classmethod
    def of_cluster(cls, *, cluster: Sequence[str], partitions: int = 16, **fields: Any) -> tuple[RedisInstance, ...]:
        """Return the partitions of a Redis Cluster, which is used alone, not beside other instances.

        Args:
            cluster: the addresses of some of its nodes, `"host:port"` each; the other nodes are found through them.
            partitions: the number of partitions, 1 to 256, on slots that lie evenly apart. It cannot be changed later:
                take several for each primary that the cluster may grow to. Default 16.
            fields: further fields, the same for all: `username`, `password`, `tls`, and the files for TLS.

        Raises:
            ConfigurationError: a bad value; the message names the field.
        """
        if isinstance(partitions, bool) or not isinstance(partitions, int):
            raise ConfigurationTypeError("partitions", f"must be a whole number, not {type(partitions).__name__}")
        if not 1 <= partitions <= MOST_SHARDS:
            raise ConfigurationError("partitions", f"must be from 1 to {MOST_SHARDS}")
        if not (nodes := _check_nodes("cluster", cluster)):
            raise ConfigurationError("cluster", "must name at least one node")
        return tuple(cls(cluster=nodes, shard=shard, **fields) for shard in range(partitions))


def _shown_path(path: str) -> str:
    """Return a path if it looks like one, and not like the certificate or the key that belongs into the file."""
    return path if _LOOKS_LIKE_A_PATH.fullmatch(path) else "(not shown)"


def _check_nodes(option: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ConfigurationTypeError(option, f"must be a list of 'host:port', not {type(value).__name__}")
    nodes = []
    for node in value:
        if not isinstance(node, str):
            raise ConfigurationTypeError(option, f"must be a list of 'host:port', not of {type(node).__name__}")
        host, _, port = node.rpartition(":")
        if not host or _NOT_IN_HOST.intersection(host) or not (port.isascii() and port.isdigit()):
            # The node is not shown: it may be a URL with a password.
            raise ConfigurationError(option, "must be 'host:port' each")
        if not 1 <= digits(option, port) <= 65535:
            raise ConfigurationError(option, "must have ports from 1 to 65535")
        nodes.append(node)
    return tuple(nodes)
