-- Pause the whole partition, or resume it.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] halt: there while the namespace is paused
-- ARGV[1] stamp: string, the epoch of the list of partitions, a colon, and the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] pause: 1 to pause, 0 to resume
-- Returns: string, 1 if that changed something, else 0
-- Guarantees: atomic; refused under another list of partitions; applied once per request; claims take nothing while it
--   is paused, runs in progress go on.

local done = recall_in_epoch(KEYS[1], ARGV[1])
if done then
  return done
end

local was_paused = call('EXISTS', KEYS[2])
if ARGV[3] == '1' then
  call('SET', KEYS[2], digits(now_ms()))
else
  pass_when_full(KEYS[1])
  call('DEL', KEYS[2])
  redis.pcall('PUBLISH', ARGV[2], '0')
end
return remember(KEYS[1], ARGV[1], tostring(was_paused) ~= ARGV[3] and '1' or '0')
