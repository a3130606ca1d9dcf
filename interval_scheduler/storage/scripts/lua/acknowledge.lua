-- Note that people know of a loss of data.
-- KEYS: membership, actions
-- ARGV[1] born: integer, when the database became a partition, µs
-- ARGV[2...] note: string, for the log of actions five: the name of the call, or '' for no note; the name of this very
--   call, or ''; who; details; a prefix, or ''
-- Returns: string, 1 if a loss was not acknowledged before, else 0
-- Guarantees: atomic; a loss after that birth stays; with a note, it is in the log; a repetition changes nothing.

local stored = call('HMGET', membership_key, 'born', 'lost')
if stored[1] ~= born_arg or not stored[2] or stored[2] == '0' then
  return '0'
end
local note = read_note(2)
local newest = newest_actions(actions_key, { note })
call('HSET', membership_key, 'lost', '0')
if note then
  note.count = 1
  note_actions(actions_key, newest, { note }, now_ms())
end
return '1'
