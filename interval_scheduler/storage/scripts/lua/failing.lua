-- List failing tasks in the order in which they last failed, a page at a time.
-- KEYS: failing
-- ARGV[1] limit: integer, how many at most
-- ARGV[2] direction: n for the newest first, o for the oldest first
-- ARGV[3] score: number, ms, of the last one of the page before; '' for the first page
-- ARGV[4] id: string, of the last one of the page before
-- Returns: {ids; when each failed, ms}
-- Reads only.
-- Guarantees: changes nothing; O(log N) plus the page; a task that does not fail anew is listed exactly once.

local ids, scores = ranked_page(failing_key, tonumber(limit_arg), direction_arg == 'n', score_arg, id_arg)
return { ids, scores }
