"""Explains a failed connection in words if TLS is the reason. Pure.

The client wraps an error of the TLS layer into an error of its own, so the causes of the error are searched too.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

# The remedy for each of OpenSSL's codes of a failed verification; all other codes are about the signer.
_ADVICE: Final = {
    9: "it is not valid yet: look at the clocks, or renew it",
    10: "it has to be renewed",
    62: "connect by a name that it is for",
    64: "connect by a name that it is for",
}
_UNKNOWN_SIGNER: Final = "give the certificates of the authority that signed it as tls_ca_file"


def certificate_problem(error: BaseException) -> str | None:
    """Explain why the server's certificate was not accepted, and name the remedy; `None` if that is not the reason."""
    for link in chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            advice = _ADVICE.get(link.verify_code, _UNKNOWN_SIGNER)
            return f"has a certificate that cannot be verified ({link.verify_message.rstrip('.')}): {advice}"
    return None


def mix_up(error: BaseException) -> str | None:
    """Explain an error that arises if only one side speaks TLS, or if the server is no Redis; `None` for any other."""
    if isinstance(error, InvalidResponse):
        return "it does not speak the protocol of Redis: look at the port; one for TLS needs rediss://"
    for link in chain(error):
        if isinstance(link, ssl.SSLError):
            return "it does not speak TLS as it should; a port without TLS needs redis://"
    if isinstance(error, RedisConnectionError) and ("closed by server" in str(error) or "reset by peer" in str(error)):
        return "it closed the connection; a port for TLS needs rediss://, one without it redis://"
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and then its causes."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
