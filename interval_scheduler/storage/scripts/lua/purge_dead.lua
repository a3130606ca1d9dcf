-- Forget dead tasks, the oldest first.
-- KEYS: reply, tasks, dead, errors, runs, failures, history, actions
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many at most
-- ARGV[3...] note: string, for the log of actions five: the name of the call, or '' for no note; the name of this very
--   call, or ''; who; details; a prefix, or ''
-- Returns: string, the number of forgotten tasks
-- Guarantees: atomic; refused under another membership; applied once per request; with a note, it is in the log; passes
--   when Redis is out of
--   memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local note = read_note(3)
local newest = newest_actions(actions_key, { note })
local count = forget_oldest(tonumber(limit_arg), dead_key, { errors_key, runs_key, failures_key, history_key }, tasks_key)
if note and count > 0 then
  note.count = count
  note_actions(actions_key, newest, { note }, now_ms())
end
return remember(reply_key, stamp_arg, digits(count))
