-- Take every task of the partition off the schedule.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- Returns: string, 1 if a task was leased, else 0; a blank; the number of removed tasks; and a '+' behind it if keys of
--   their tags are left, which `drop_tags` unlinks
-- Guarantees: atomic; refused under another membership; applied once per request; constant time, since Redis
--   frees unlinked keys in the background, but for up to 500 tags; passes when Redis is out of memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local leased = call('ZCARD', leased_key)
local removed = call('ZCARD', due_key) + leased + call('ZCARD', paused_key) + call('ZCARD', groups_key .. 'parked')
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
  causes_key
)
unlink_groups(groups_key)
local is_left = begin_next_generation(tasks_key)
return remember(reply_key, stamp_arg, (leased > 0 and '1' or '0') .. ' ' .. digits(removed) .. (is_left and '+' or ''))
