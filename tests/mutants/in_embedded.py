"""Bugs in the embedded engine: scripts that mean something else there, see each other, or are kept for ever."""

from typing import Final

from .planted import Planted, tests_in

_SCRIPTS = "unit/test_embedded_scripts"
_ENGINE = "unit/test_embedded_engine"

ALL: Final = (
    Planted(
        "a script on the embedded engine can set globals for all others",
        "storage/embedded/frame.lua",
        "  own._G = own\n",
        "",
        tests_in(_SCRIPTS, "test_a_global_cannot_be_set_for_others"),
    ),
    Planted(
        "a script on the embedded engine sees the globals of its last call",
        "storage/embedded/frame.lua",
        "    error('Script attempted to set global variables: ' .. tostring(name), 2)\n",
        "    rawset(_, name, 'set')\n",
        tests_in(_SCRIPTS, "test_a_script_sees_nothing_of_its_last_call"),
    ),
    Planted(
        "a long reply of the embedded engine fails",
        "storage/embedded/frame.lua",
        "  if count > MOST then\n    return value\n  end\n",
        "",
        tests_in(_SCRIPTS, "test_a_reply_is_the_same"),
    ),
    Planted(
        "the embedded engine keeps scripts that were flushed",
        "storage/embedded/programs.py",
        "                self._compiled.clear()\n",
        "                pass\n",
        tests_in(_ENGINE, "test_no_more_scripts_are_kept_than_the_store_knows"),
    ),
    Planted(
        "scripts on the embedded engine find keys that are over",
        "storage/embedded/sockets.py",
        "        found = db.get(key)  # unless it is over\n",
        "        pass\n",
        tests_in(_SCRIPTS, "test_a_key_that_is_over_is_gone"),
    ),
    Planted(
        "scripts on the embedded engine find one task at the head of a schedule of several",
        "storage/embedded/quick.py",
        "islice_score(0, int(stop) + 1)",
        "islice_score(0, int(stop) or 1)",
        tests_in(_SCRIPTS, "test_a_reply_is_the_same"),
    ),
    Planted(
        "a field on the embedded engine expires although it was written anew",
        "storage/embedded/quick.py",
        "return None if hash_._expirations else fields",
        "return fields",
        tests_in(_SCRIPTS, "test_a_reply_is_the_same"),
    ),
    Planted(
        "a new schedule on the embedded engine is not kept",
        "storage/embedded/quick.py",
        "        if any(changes):\n",
        "        if not any(changes):\n",
        tests_in(_SCRIPTS, "test_a_reply_is_the_same"),
    ),
    Planted(
        "the embedded engine takes a score without a member",
        "storage/embedded/quick.py",
        "scores is None or len(scores) != len(members)",
        "scores is None",
        tests_in(_SCRIPTS, "test_a_refusal_is_the_same"),
    ),
    Planted(
        "members that leave a schedule on the embedded engine stay in its scores",
        "storage/embedded/quick.py",
        "        del scores[member]\n",
        "        pass\n",
        tests_in(_SCRIPTS, "test_a_reply_is_the_same"),
    ),
    Planted(
        "scripts on the embedded engine take a key of another type for theirs",
        "storage/embedded/sockets.py",
        "        raise SimpleError(messages.WRONGTYPE_MSG)\n",
        "        pass\n",
        tests_in(_SCRIPTS, "test_a_refusal_is_the_same"),
    ),
    Planted(
        "scripts on the embedded engine do not learn that a command failed",
        "storage/embedded/sockets.py",
        "            result = error\n",
        "            result = None\n",
        tests_in(_SCRIPTS, "test_a_refusal_is_the_same"),
    ),
    Planted(
        "a closed client stays in its store of the embedded engine",
        "storage/embedded/client.py",
        "            self._socket.close()\n",
        "",
        tests_in(_ENGINE, "test_a_closed_client_leaves_no_socket_in_its_store"),
    ),
    Planted(
        "the short way of scripts is taken although it answers otherwise",
        "storage/embedded/trial.py",
        "    return is_fit\n",
        "    return True\n",
        tests_in(_ENGINE, "test_a_wrong_answer_in_the_trial_is_noticed"),
    ),
    Planted(
        "memory:// does not work with a fakeredis of other inner names",
        "storage/embedded/opening.py",
        "except (ImportError, AttributeError):\n",
        "except AttributeError:\n",
        tests_in(_ENGINE, "test_another_fakeredis_is_used_as_it_is"),
    ),
)
