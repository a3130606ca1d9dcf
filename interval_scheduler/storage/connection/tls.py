"""The arguments of a connection by TLS, and explanations of one that failed for it. Pure.

The client wraps an error of the TLS layer into an error of its own, so the causes of the error are searched too.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

from ...config.instance import RedisInstance

# The remedy for each of OpenSSL's codes of a failed verification; all other codes are about the signer.
_ADVICE: Final = {
    9: "it is not valid yet: look at the clocks, or renew it",
    10: "it has to be renewed",
    62: "connect by a name that it is for",
    64: "connect by a name that it is for",
}
_UNKNOWN_SIGNER: Final = "give the certificates of the authority that signed it as tls_ca_file"
#: The words of an alert by which the other side refuses the certificate of this one, or that there is none.
_WANTED: Final = "CERTIFICATE_REQUIRED"
_NOT_ACCEPTED: Final = re.compile("ALERT_(UNKNOWN_CA|.*CERTIFICATE.*|ACCESS_DENIED)")
#: Before TLS 1.3, a server that misses a certificate has no word for it.
_HANDSHAKE: Final = "HANDSHAKE_FAILURE"
_SHOW_ONE: Final = "give tls_cert_file and tls_key_file, or set tls-auth-clients no at the server"


def tls_arguments(instance: RedisInstance) -> dict[str, Any]:
    """Return the arguments for redis-py's connections by TLS."""
    return {
        "ssl_ca_certs": instance.tls_ca_file,
        "ssl_certfile": instance.tls_cert_file,
        "ssl_keyfile": instance.tls_key_file,
        # With a password, though there is none, OpenSSL asks for none at the terminal.
        "ssl_password": "",
        "ssl_check_hostname": True,
    }


def certificate_problem(error: BaseException) -> str | None:
    """Explain why a certificate, of either side, was not accepted, and name the remedy; `None` for another reason."""
    for link in chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            advice = _ADVICE.get(link.verify_code, _UNKNOWN_SIGNER)
            return f"has a certificate that cannot be verified ({link.verify_message.rstrip('.')}): {advice}"
        if isinstance(link, ssl.SSLError) and (words := _of_client(getattr(link, "reason", None) or "")):
            return words
    return None


def _of_client(reason: str) -> str | None:
    if _WANTED in reason:
        return f"asks for a certificate of this side: {_SHOW_ONE}"
    if _HANDSHAKE in reason:
        return f"refuses the handshake of TLS; if it asks for a certificate of this side, {_SHOW_ONE}"
    if found := _NOT_ACCEPTED.search(reason):
        words = found[1].replace("_", " ").lower().replace(" ca", " CA")
        side = "does not accept the certificate of this side"
        return f"{side} ({words}): look at tls_cert_file, and at tls-ca-cert-file of Redis"
    return None


def mix_up(error: BaseException) -> str | None:
    """Explain an error that arises if only one side speaks TLS, or if the server is no Redis; `None` for any other."""
    if isinstance(error, InvalidResponse):
        return "it does not speak the protocol of Redis: look at the port; one for TLS needs rediss://"
    for link in chain(error):
        if isinstance(link, ssl.SSLError):
            return "it does not speak TLS as it should; a port without TLS needs redis://"
    if isinstance(error, RedisConnectionError) and ("closed by server" in str(error) or "reset by peer" in str(error)):
        return "it closed the connection; a port for TLS needs rediss://, and perhaps tls_cert_file; one without it redis://"
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and then its causes."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
