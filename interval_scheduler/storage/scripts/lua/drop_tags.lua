-- Unlink keys of the tags of tasks that a clear took off the schedule.
-- KEYS: tasks
-- ARGV[1] known: string, the known membership (epoch:born)
-- Returns: string, 1 if some are left, else 0
-- Guarantees: atomic; refused under another membership; takes no task off the schedule; a repetition goes on; passes when
--   Redis is out of memory.

local changed = list_changed(tasks_key, known_arg)
if changed then
  return changed
end
return drop_former_tags(tags_of(tasks_key), AT_A_TIME) and '1' or '0'
