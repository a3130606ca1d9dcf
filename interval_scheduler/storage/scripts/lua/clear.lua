-- Take every task of the partition off the schedule.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, pauses, actions
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2...] note: string, for the log of actions five: the name of the call, or '' for no note; the name of this very
--   call, or ''; who; details; a prefix, or ''
-- Returns: string, 1 if a task was leased, else 0; a blank; the number of removed tasks; and a '+' behind it if keys of
--   their tags are left, which `drop_tags` unlinks
-- Guarantees: atomic; refused under another membership; applied once per request; constant time, since Redis
--   frees unlinked keys in the background, but for up to 500 tags; with a note, it is in the log; passes
--   when Redis is out of memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local note = read_note(2)
local newest = newest_actions(actions_key, { note })
local leased = call('ZCARD', leased_key)
local removed = call('ZCARD', due_key) + leased + call('ZCARD', paused_key) + call('ZCARD', groups_key .. 'parked')
local any_dead = call('EXISTS', dead_key) == 1
call(
  'UNLINK',
  tasks_key,
  due_key,
  leased_key,
  leases_key,
  attempts_key,
  dead_key,
  errors_key,
  paused_key,
  runs_key,
  failures_key,
  history_key,
  failing_key,
  causes_key,
  pauses_key
)
unlink_groups(groups_key)
local is_left = begin_next_generation(tasks_key)
if note and (removed > 0 or any_dead) then
  note.count = removed
  note_actions(actions_key, newest, { note }, now_ms())
end
return remember(reply_key, stamp_arg, (leased > 0 and '1' or '0') .. ' ' .. digits(removed) .. (is_left and '+' or ''))
