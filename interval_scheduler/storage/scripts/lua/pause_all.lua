-- Pause the whole partition, or resume it.
-- KEYS: reply, halt
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] pause: 1 to pause, 0 to resume
-- Returns: string, 1 if that changed something, else 0
-- Guarantees: atomic; refused under another membership; applied once per request; claims take nothing while the
--   partition is paused, runs in progress go on.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local was_paused = call('EXISTS', halt_key)
if pause_arg == '1' then
  call('SET', halt_key, digits(now_ms()))
else
  pass_when_full(reply_key)
  call('DEL', halt_key)
  redis.pcall('PUBLISH', channel_arg, '0')
end
return remember(reply_key, stamp_arg, tostring(was_paused) ~= pause_arg and '1' or '0')
