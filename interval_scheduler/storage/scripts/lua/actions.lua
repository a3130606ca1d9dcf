-- List the log of actions, the newest first, a page at a time.
-- KEYS: actions
-- ARGV[1] before: integer, the number of the last entry of the page before; '' for the first page
-- ARGV[2] limit: integer, how many at most
-- Returns: {entries; their numbers; 1 if a page follows, else 0}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(log N) plus the page; an entry that stays is listed exactly once.

local below = before_arg == '' and call('ZCARD', actions_key) or call('ZCOUNT', actions_key, '-inf', '(' .. before_arg)
-- Numbers begin with 1: what stands below was written by somebody else, and no page could go on behind it.
local least = call('ZCOUNT', actions_key, '-inf', '(0')
local first = math.max(least, below - tonumber(limit_arg))
local found = below > least and call('ZRANGE', actions_key, first, below - 1, 'WITHSCORES') or {}
local entries, numbers = {}, {}
for at = #found - 1, 1, -2 do
  entries[#entries + 1], numbers[#numbers + 1] = found[at], found[at + 1]
end
return { entries, numbers, first > least and 1 or 0 }
