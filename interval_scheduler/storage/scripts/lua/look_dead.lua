-- Look a dead task up by its id.
-- KEYS: tasks, dead, errors
-- ARGV[1] id: string
-- Returns: {when it was set aside, ms; its record, or empty; its error, or empty}; {} if it is not dead
-- Reads only.
-- Guarantees: atomic; changes nothing; O(1).

local died = call('ZSCORE', dead_key, id_arg)
if not died then
  return {}
end
return { died, call('HGET', tasks_key, id_arg), extras_of(errors_key, { id_arg })[1] or false }
