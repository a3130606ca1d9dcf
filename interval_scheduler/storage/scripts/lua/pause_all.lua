-- Pause the whole partition, or resume it.
-- KEYS: reply, halt, actions
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] pause: 1 to pause, 0 to resume; k to pause, and to keep a pause that is there as it is
-- ARGV[4] who: string, the one who pauses it; '' to resume
-- ARGV[5] reason: string, '' for none
-- ARGV[6...] note: string, for the log of actions five: the name of the call, or '' for no note; the name of this very
--   call, or ''; who; details; a prefix, or ''
-- Returns: string, 1 if that changed something, else 0
-- Guarantees: atomic; refused under another membership; applied once per request; claims take nothing while the
--   partition is paused, runs in progress go on; with a note, it is in the log, unless there was nothing to resume.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local now, note = now_ms(), read_note(6)
local newest = newest_actions(actions_key, { note })
local was_paused = call('EXISTS', halt_key) == 1
local pauses = pause_arg ~= '0'
if pause_arg == 'k' and was_paused then
  return remember(reply_key, stamp_arg, '0')
end
if pauses then
  call('SET', halt_key, pause_text(who_arg, reason_arg, now))
else
  pass_when_full(reply_key)
  call('DEL', halt_key)
  redis.pcall('PUBLISH', channel_arg, '0')
end
if note and (pauses or was_paused) then
  note.count = 1
  note_actions(actions_key, newest, { note }, now)
end
return remember(reply_key, stamp_arg, was_paused ~= pauses and '1' or '0')
