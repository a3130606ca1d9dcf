"""The certificate that this side shows, and its key: checked when the options are, before anything is sent.

No error shows a word of the files. An encrypted key would make OpenSSL ask for its password at the terminal.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from ..errors import ConfigurationError

_BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PRIVATE_KEY = b"PRIVATE KEY-----"


class _EncryptedError(Exception):
    """The key is encrypted."""


def check_pair(cert_file: str, key_file: str | None) -> None:
    """Check that a certificate and its key can be used.

    Args:
        cert_file: the path of the certificate.
        key_file: the path of the key; `None`: it is in the same file.

    Raises:
        ConfigurationError: one of them cannot be read or is none, the key is encrypted, or they do not belong together.
    """
    if (problem := _problem(cert_file, key_file)) is not None:
        raise ConfigurationError(*problem)


def _problem(cert_file: str, key_file: str | None) -> tuple[str, str] | None:
    """Return the option at fault, and the fault; `None` for none."""
    of_key = "tls_cert_file" if key_file is None else "tls_key_file"
    for option, path, mark, kind in (
        ("tls_cert_file", cert_file, _BEGIN_CERTIFICATE, "certificate"),
        (of_key, key_file or cert_file, _PRIVATE_KEY, "private key"),
    ):
        try:
            found = mark in Path(path).read_bytes()
        except OSError:
            return option, "cannot be read by this user"
        if not found:
            hint = ": give tls_key_file" if kind == "private key" and key_file is None else ""
            return option, f"has no {kind} in it (PEM){hint}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, key_file, password=_refuse)
    except _EncryptedError:
        return of_key, "has an encrypted key: give one without a password"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return of_key, "has a key that does not belong to the certificate in tls_cert_file"
        return of_key, "cannot be used: the certificate or its key is damaged"
    return None


def _refuse() -> str:
    raise _EncryptedError
