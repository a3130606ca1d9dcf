-- Mark ids that a sync wants to keep, or delete all its marks.
-- KEYS: reply
-- KEYS wanted: set, the ids that one sync wants to keep
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] time to live: integer, ms, from now
-- ARGV[3...] ids: string; none to delete all marks
-- Returns: string, for each id 1 (it was not marked before) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; the marks of a sync that died
--   expire.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local fresh = {}
if #ARGV == 2 then
  pass_when_full(reply_key)
  call('UNLINK', wanted_key)
else
  for n = 3, #ARGV do
    fresh[n - 2] = call('SADD', wanted_key, ARGV[n])
  end
  call('PEXPIRE', wanted_key, time_to_live_arg)
end
return remember(reply_key, stamp_arg, table.concat(fresh))
