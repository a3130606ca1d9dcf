-- Forget dead tasks, the oldest first.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] dead: id -> when it was set aside, ms
-- KEYS[4] errors: id -> what a dead task's last run failed with
-- KEYS[5] runs: id -> runs that ended, of tasks that have only so many
-- KEYS[6] failures: id -> runs that failed for good
-- ARGV[1] stamp: string, the epoch of the list of partitions, a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many at most
-- Returns: string, how many were forgotten
-- Guarantees: atomic; refused under another list of partitions; applied once per request; passes when Redis is out of
--   memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local ids = call('ZRANGE', dead_key, 0, tonumber(limit_arg) - 1)
if #ids > 0 then
  call('ZREM', dead_key, unpack(ids))
  for at = 4, 6 do
    call('HDEL', KEYS[at], unpack(ids))
  end
  call('HDEL', tasks_key, unpack(ids))
end
return remember(reply_key, stamp_arg, digits(#ids))
