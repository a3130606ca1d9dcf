-- Note ids that a sync wants to keep, or forget them all.
-- KEYS: reply
-- KEYS wanted: set, the ids that one sync wants to keep
-- ARGV[1] stamp: string, the epoch of the list of partitions, a colon, and the number of the request in its session
-- ARGV[2] time to live: integer, ms, from now
-- ARGV[3...] ids: string; none to forget them all
-- Returns: string, the number of ids that were not noted before
-- Guarantees: atomic; refused under another list of partitions; applied once per request; the notes of a sync that died
--   expire.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local noted = 0
if #ARGV == 2 then
  pass_when_full(reply_key)
  call('UNLINK', wanted_key)
else
  noted = call('SADD', wanted_key, unpack(ARGV, 3))
  call('PEXPIRE', wanted_key, time_to_live_arg)
end
return remember(reply_key, stamp_arg, digits(noted))
