-- List dead tasks in the order in which they were set aside, a page at a time.
-- KEYS: tasks, dead, errors
-- ARGV[1] limit: integer, how many at most
-- ARGV[2] weight: integer, bytes; the records are no heavier in all, or there is one only
-- ARGV[3] direction: n for the newest first, o for the oldest first
-- ARGV[4] score: number, ms, of the last one of the page before; '' for the first page
-- ARGV[5] id: string, of the last one of the page before
-- Returns: {ids; when each was set aside, ms; records; errors; 1 if a page may follow, else 0}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(log N) plus the page; a task that stays dead is listed exactly once.

local ids, scores = ranked_page(dead_key, tonumber(limit_arg), direction_arg == 'n', score_arg, id_arg)
if #ids == 0 then
  return { {}, {}, {}, {}, 0 }
end
local records, may_follow = values_within(tasks_key, ids, tonumber(weight_arg)), #ids >= tonumber(limit_arg)
if #records < #ids then
  may_follow = true
  ids, scores = { unpack(ids, 1, #records) }, { unpack(scores, 1, #records) }
end
local errors = extras_of(errors_key, ids)
return { ids, scores, records, errors, may_follow and 1 or 0 }
