-- Take every task of the partition off the schedule.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] due: id -> due, ms
-- KEYS[4] leased: id -> lease deadline, ms
-- KEYS[5] leases: id -> lease
-- KEYS[6] attempts: id -> deliveries that failed
-- KEYS[7] dead: id -> when it was set aside, ms
-- KEYS[8] errors: id -> what a dead task's last run failed with
-- KEYS[9] paused: id -> due, ms
-- KEYS[10] runs: id -> runs that ended, of tasks that have only so many
-- KEYS[11] failures: id -> runs that failed for good
-- KEYS[12] groups: prefix of the keys of groups (see _groups.lua)
-- ARGV[1] stamp: string, the epoch of the list of partitions, a colon, and the number of the request in its session
-- Returns: string, 1 if a task was leased else 0, a blank, and how many tasks were removed
-- Guarantees: atomic; refused under another list of partitions; applied once per request; constant time, since Redis
--   frees unlinked keys in the background; passes when Redis is out of memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local leased = call('ZCARD', leased_key)
local removed = call('ZCARD', due_key) + leased + call('ZCARD', paused_key) + call('ZCARD', groups_key .. 'parked')
call('UNLINK', unpack(KEYS, 2, 11))
unlink_groups(groups_key)
return remember(reply_key, stamp_arg, (leased > 0 and '1' or '0') .. ' ' .. digits(removed))
