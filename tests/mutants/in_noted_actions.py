"""Bugs of `note_action`, and of the entries that repairs leave in the log of actions."""

from typing import Final

from .planted import Planted, lua, tests_in

_NOTED: Final = "semantics/test_noted_actions"

ALL: Final = (
    lua(
        "what is noted of one task does not name it",
        "note_action",
        "note.id = id_arg ~= '' and id_arg or nil\n",
        "",
        tests_in(_NOTED, "test_what_somebody_asks_for_is_one_entry"),
    ),
    Planted(
        "a task that is given twice counts twice in what is noted",
        "facade/actions.py",
        "dict.fromkeys(map(to_id, tasks_or_ids))",
        "list(map(to_id, tasks_or_ids))",
        tests_in(_NOTED, "test_what_somebody_asks_for_is_one_entry"),
    ),
    Planted(
        "what is to be done with tasks is told by the master alone",
        "storage/routes.py",
        "found.setdefault(self._listed[self._home(raw_id)], [])",
        "found.setdefault(self.master, [])",
        tests_in(_NOTED, "test_each_home_tells_of_its_tasks"),
    ),
    Planted(
        "what concerns a partition that is offline is not noted",
        "storage/actions.py",
        "    if not offline:\n        return\n",
        "    if True:\n        return\n",
        tests_in(_NOTED, "test_what_concerns_a_home_that_is_offline_is_told_by_another"),
    ),
    Planted(
        "what is noted for another partition takes the place of what was there",
        "storage/actions.py",
        "[*homes.get(partition, ()), *left]",
        "left",
        tests_in(_NOTED, "test_what_concerns_a_home_that_is_offline_is_told_by_another"),
    ),
    Planted(
        "a partition that is offline keeps what concerns the others from being noted",
        "storage/actions.py",
        'len(ids) == 1 else b"")\n    except AWAY as error:\n',
        'len(ids) == 1 else b"")\n    except InterruptedError as error:\n',
        tests_in(_NOTED, "test_what_concerns_a_home_that_is_offline_is_told_by_another"),
    ),
    Planted(
        "repairs are told only once the tasks of others were looked for",
        "storage/audit.py",
        "            if self._mended[partition] > mended_before:\n                await self._note_mended(partition)\n",
        "",
        tests_in(_NOTED, "test_repairs_are_told_by_partition", "test_repairs_before_a_partition_is_lost_are_told"),
    ),
    Planted(
        "a second copy is removed without an entry",
        "storage/audit.py",
        "            if mended:\n                await self._note_mended(partition)\n",
        "",
        tests_in(_NOTED, "test_a_second_copy_that_is_removed_is_told"),
    ),
    Planted(
        "a log of actions that cannot be written ends an audit",
        "storage/audit.py",
        "        except StorageError as error:\n",
        "        except InterruptedError as error:\n",
        tests_in(_NOTED, "test_an_audit_whose_entry_cannot_be_written_has_its_report"),
    ),
    Planted(
        "an audit that mends nothing is told",
        "storage/audit.py",
        "if self._mended[partition] > mended_before:",
        "if self._repair:",
        tests_in(_NOTED, "test_what_an_application_assigns_and_removes_is_not_told"),
    ),
    Planted(
        "the log tells of the first repairs of an audit alone",
        "storage/audit.py",
        "await actions.note(partition.gate, self._note, self._mended[partition])",
        "await actions.note(partition.gate, self._note, 1)",
        tests_in(_NOTED, "test_repairs_are_told_by_partition"),
    ),
    lua(
        "an acknowledged loss is not told",
        "acknowledge",
        "  note_actions(actions_key, newest, { note }, now_ms())\n",
        "",
        tests_in("semantics/test_data_loss", "test_a_loss"),
    ),
    Planted(
        "tasks that are chosen on a page are removed without an entry",
        "dashboard/actions/many.py",
        '        await scheduler.note_action("remove_task", ids)\n',
        "        pass\n",
        tests_in("dashboard/test_bulk", "test_chosen_tasks_are_changed"),
    ),
    Planted(
        "a task that is added on a page has no entry",
        "dashboard/actions/saving.py",
        '                await look.scheduler.note_action("assign_task", [wanted])\n',
        "                pass\n",
        tests_in("dashboard/test_edit", "test_a_new_task_is_added_once"),
    ),
    Planted(
        "a dry run of a removal is told",
        "cli/changing/many.py",
        "if change.removes and not dry_run:",
        "if change.removes:",
        tests_in("cli/test_changing_many", "test_each_id_has_an_answer"),
    ),
)
