"""Bugs by which certificates of clients are not shown, or their absence is not told."""

from typing import Final

from .planted import Planted, tests_in

_TLS: Final = "integration/test_tls_clients"

ALL: Final = (
    Planted(
        "a server that hangs under TLS ends the scheduler",
        "storage/connection/client.py",
        "        await pool.drop_idle()\n",
        "        await pool.disconnect(inuse_connections=False)\n",
        tests_in("integration/test_tls_clients", "test_a_server_that_hangs_ends_nothing"),
    ),
    Planted(
        "a certificate of this side is not shown",
        "storage/connection/tls.py",
        '"ssl_certfile": instance.tls_cert_file,',
        '"ssl_certfile": None,',
        tests_in(_TLS, "test_one_is_shown"),
    ),
    Planted(
        "a server that asks for a certificate is said to speak no TLS",
        "storage/connection/tls.py",
        "    if _WANTED in reason:",
        "    if False:",
        tests_in(_TLS, "test_without_one_it_says_so"),
    ),
    Planted(
        "the words of a server that hung up are lost",
        "storage/connection/connections.py",
        "and (words := await self._last_words())",
        "and (words := None)",
        tests_in(_TLS, "test_without_one_it_says_so", "test_one_of_an_unknown_authority"),
    ),
    Planted(
        "a certificate is checked when it is used",
        "config/instance.py",
        "            check_pair(self.tls_cert_file, self.tls_key_file)",
        "            pass",
        tests_in(_TLS, "test_files_are_checked_before_anything_is_sent"),
    ),
    Planted(
        "an encrypted key has its password asked for at the terminal",
        "config/certificates.py",
        "load_cert_chain(cert_file, key_file, password=_refuse)",
        "load_cert_chain(cert_file, key_file)",
        tests_in(_TLS, "test_files_are_checked_before_anything_is_sent"),
    ),
    Planted(
        "the path of a socket is its name as it is",
        "config/instance.py",
        'return f"{quote(self.socket_path, _SAFE_IN_PATH)}/{self.db}"',
        'return f"{self.socket_path}/{self.db}"',
        tests_in("parity/test_refusals", "test_a_unix_socket_at_a_path_with_blanks_and_letters_of_other_alphabets"),
    ),
)
