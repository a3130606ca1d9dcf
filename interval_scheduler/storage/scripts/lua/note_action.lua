-- Write into the log of actions how many tasks a call of several requests concerns so far.
-- KEYS: actions
-- ARGV[1] count: integer, the tasks so far
-- ARGV[2] id: string, that of the one task, or ''
-- ARGV[3...] note: string, five: the name of the call; the name of this very call; who; details; a prefix
-- Returns: string, 1
-- Guarantees: atomic; a repetition changes nothing, and a smaller count neither, unless 30 entries have come since: then
--   it is one more; O(log N).

local note = read_note(3)
note.count = tonumber(count_arg)
note.id = id_arg ~= '' and id_arg or nil
note_actions(actions_key, newest_actions(actions_key, { note }, 30), { note }, now_ms(), true)
return '1'
