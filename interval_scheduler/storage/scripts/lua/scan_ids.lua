-- List the ids of all tasks that exist here, a step at a time, and note the progress.
-- KEYS: tasks, moves
-- ARGV[1] known: string, the known membership (epoch:born), with the epoch of the list for which tasks move
-- ARGV[2] cursor: string, where the step before ended; '0' to begin
-- ARGV[3] count: integer, about how many tasks to list; fewer if they are heavy
-- ARGV[4] looked: integer, the number of tasks listed so far
-- Returns: {cursor, '0' at the end; ids}
-- Guarantees: refused under another membership; changes nothing but the note; every task that exists from the
--   first step to the last is listed.

local changed = list_changed(tasks_key, known_arg)
if changed then
  return changed
end
local cursor, ids = scan_within(tasks_key, cursor_arg, count_arg)
redis.pcall('HSET', moves_key, 'looked', looked_arg)
return { cursor, ids }
