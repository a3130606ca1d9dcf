-- Read the last runs of a task.
-- KEYS: tasks, history
-- ARGV[1] id: string
-- Returns: {header of its record, or '' without one; its history, or ''}
-- Reads only.
-- Guarantees: atomic; changes nothing; reads one record.

local kept = call('HGET', history_key, id_arg)
-- Without a history, the record need not be read.
local record = kept and call('HGET', tasks_key, id_arg)
if not record then
  return { '', '' }
end
return { match(record, '^[^\n]*'), #kept <= LONGEST_HISTORY and kept or '' }
