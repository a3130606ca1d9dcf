-- List failing tasks in the order in which they last failed, a page at a time.
-- KEYS: failing
-- ARGV[1] limit: integer, how many at most
-- ARGV[2] direction: n for the newest first, o for the oldest first
-- ARGV[3] score: number, ms, of the last one of the page before; '' for the first page
-- ARGV[4] id: string, of the last one of the page before
-- Returns: {ids; when each failed, ms}
-- Reads only.
-- Guarantees: changes nothing; O(log N) plus the page; a task that does not fail anew is listed exactly once.

local limit, newest = tonumber(limit_arg), direction_arg == 'n'
local first = newest and -limit or 0
local last = newest and -1 or limit - 1
if score_arg ~= '' then
  local below, upto = place_in(failing_key, score_arg, id_arg)
  first = newest and math.max(0, below - limit) or upto
  last = newest and below - 1 or upto + limit - 1
end
local found = (last >= 0 or score_arg == '') and call('ZRANGE', failing_key, first, last, 'WITHSCORES') or {}
local ids, scores = {}, {}
for n = 1, #found, 2 do
  local at = newest and #found - n or n
  ids[#ids + 1], scores[#scores + 1] = found[at], found[at + 1]
end
return { ids, scores }
