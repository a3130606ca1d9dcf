"""Bugs by which a secret is told, a server is lost without a reason, or a connection does not come back."""

from typing import Final

from .planted import Planted, tests_in

_URLS = tests_in("unit/test_secret_urls", "test_a_password_before_the_host")

ALL: Final = (
    Planted(
        "an @ behind the host is taken as it is",
        "config/urls.py",
        'if "@" in path + query + fragment:',
        "if False:",
        _URLS,
    ),
    Planted(
        "the name of an unknown option of a URL is shown",
        "config/urls.py",
        'shown = repr(key) if key in _ALL_OPTIONS else "(not shown)"',
        "shown = repr(key)",
        tests_in("unit/test_secret_urls", "test_a_password_without_a_host_behind_it"),
    ),
    Planted(
        "a user name is shown in a repr",
        "config/instance.py",
        "    username: str | None = field(default=None, repr=False)\n    password",
        "    username: str | None = None\n    password",
        tests_in("unit/test_secret_urls", "test_a_secret_in_the_place_of_an_option"),
    ),
    Planted(
        "the place of a store of the embedded engine has credentials",
        "config/urls.py",
        "    elif has_credentials:",
        "    elif False:",
        tests_in("unit/test_secret_urls", "test_the_way_out_is_told"),
    ),
    Planted(
        "a key of options that is no str is shown",
        "config/options.py",
        'f"{prefix}(not shown)", f"must be a str, not',
        'f"{prefix}{key!r}", f"must be a str, not',
        _URLS,
    ),
    Planted(
        "a server that turns everybody away is refused without its reason",
        "storage/connection/failures.py",
        "if isinstance(error, ResponseError) and not is_turned_away(error):",
        "if isinstance(error, ResponseError):",
        tests_in("integration/test_unreachable", "test_protected_mode_as_it_is_worded"),
    ),
    Planted(
        "the client introduces itself before it listens",
        "storage/connection/connections.py",
        "super().__init__(driver_info=None, **rest)",
        "super().__init__(**rest)",
        tests_in("integration/test_unreachable", "test_too_many_clients"),
    ),
    Planted(
        "calls on a partition that is offline do not say why it is",
        "storage/partition/partition.py",
        "raise still_offline(self.name, self.problem)",
        "raise still_offline(self.name, None)",
        tests_in("integration/test_unreachable", "test_calls_while_it_is_offline_say_the_reason_too"),
    ),
    Planted(
        "a cancellation is swallowed while a command is sent",
        "storage/connection/connections.py",
        "            async with asyncio.timeout(self.socket_timeout):\n                await writer.drain()",
        "            await asyncio.wait_for(writer.drain(), self.socket_timeout)",
        tests_in("integration/test_cancelled_commands", "test_commands"),
    ),
    Planted(
        "names are looked up in the threads of the event loop",
        "storage/connection/connections.py",
        "addresses = await NAMES.addresses(self.host)",
        "addresses = (self.host,)",
        tests_in("integration/test_host_names", "test_a_lost_connection_comes_back_while_threads_are_busy"),
    ),
    Planted(
        "TLS verifies the address instead of the name",
        "storage/connection/connections.py",
        'arguments["server_hostname"] = self.host',
        'arguments["server_hostname"] = self._address',
        tests_in("integration/test_host_names", "test_tls_verifies_the_name_and_not_the_address"),
    ),
    Planted(
        "only the first address is tried",
        "storage/connection/connections.py",
        "if left == 1:",
        "if True:",
        tests_in("integration/test_host_names", "test_every_address_is_tried"),
    ),
    Planted(
        "an address that swallows everything uses up the time of all",
        "storage/connection/connections.py",
        "if give_up_at is not None and left > 1:",
        "if False:",
        tests_in("integration/test_host_names", "test_an_address_that_swallows_everything_leaves_time_for_the_next"),
    ),
    Planted(
        "a resolver that hangs is waited for although the address is known",
        "storage/connection/names.py",
        "if known is None:",
        "if True:",
        tests_in("unit/test_names", "test_the_remembered_address_serves_while_a_look_up_hangs"),
    ),
    Planted(
        "a name that is gone is taken for known",
        "storage/connection/names.py",
        "if error.errno in _FINAL_ERRORS:",
        "if False:",
        tests_in("unit/test_names", "test_the_remembered_address_serves_while_the_resolver_fails_for_now"),
    ),
    Planted(
        "a resolver that hangs keeps the process from its end",
        "storage/connection/names.py",
        "daemon=True",
        "daemon=False",
        tests_in("unit/test_names", "test_all_addresses_once_and_no_thread_is_left"),
    ),
    Planted(
        "each who asks starts a thread",
        "storage/connection/names.py",
        "if (running := self._running.get(host)) is not None:",
        "if (running := None) is not None:",
        tests_in("unit/test_names", "test_many_who_ask_share_one_look_up_and_cancel_it_for_nobody"),
    ),
    Planted(
        "all is well while writes are refused",
        "storage/connection/diagnosis.py",
        '            code,\n            "error",',
        '            code,\n            "warning",',
        tests_in("integration/test_unwell", "test_a_snapshot_that_failed"),
    ),
    Planted(
        "a server without memory is not connected to",
        "storage/connection/diagnosis.py",
        'if finding.severity == "error" and finding.code in _FORBIDDING:',
        'if finding.severity == "error":',
        tests_in("integration/test_unwell", "test_no_memory"),
    ),
    Planted(
        "a server that loads its data is no finding",
        "storage/connection/diagnosis.py",
        'problem.reason == "loading"',
        'problem.reason == "loads"',
        tests_in("integration/test_unwell", "test_a_server_that_loads_its_data"),
    ),
    Planted(
        "a cron task runs where nobody can tell its next occurrence",
        "execution/outcome.py",
        "    if policy.cron is not None:\n        # Without",
        "    if False:\n        # Without",
        tests_in("integration/test_extras", "test_a_worker_does_not_run_what_it_cannot_reschedule"),
    ),
    Planted(
        "an engine without Lua is taken for whole",
        "storage/connection/client.py",
        'importlib.import_module("lupa")',
        'importlib.import_module("json")',
        tests_in("integration/test_extras", "test_memory"),
    ),
)
