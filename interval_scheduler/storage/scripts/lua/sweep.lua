-- Find tasks whose id starts with a prefix, a step at a time; those that a sync does not want, if one asks.
-- KEYS: tasks, dead
-- KEYS wanted: set, the ids that one sync wants to keep
-- ARGV[1] cursor: string, where the step before ended; '0' to begin
-- ARGV[2] count: integer, about how many tasks to read; of a walk over all tasks fewer if they are heavy
-- ARGV[3] prefix: string; if it has a whole tag, only the tasks of that tag are read
-- ARGV[4] marked: integer, how many ids the sync marked; '' if no sync asks
-- ARGV[5] dead: 1 to find dead tasks as well, else 0
-- Returns: {cursor, '0' at the end, '' if marks are missing; ids; the number of tasks read}
-- Reads only.
-- Guarantees: atomic; changes nothing; every task that exists from the first step to the last is read.

-- Redis may have lost marks, in a failover or by eviction. Then wanted tasks would look unwanted.
if marked_arg ~= '' and call('SCARD', wanted_key) ~= tonumber(marked_arg) then
  return { '', {}, 0 }
end
local cursor, found, ids
if match(prefix_arg, TAGGED) then
  local behind
  ids, behind = ids_of_tag(tasks_key, prefix_arg, cursor_arg == '0' and '' or string.sub(cursor_arg, 2), tonumber(count_arg))
  found, cursor = ids, behind and '=' .. behind or '0'
else
  cursor, found = scan_within(tasks_key, cursor_arg, count_arg)
  ids = {}
  for _, id in ipairs(found) do
    if string.sub(id, 1, #prefix_arg) == prefix_arg then
      ids[#ids + 1] = id
    end
  end
end
local wanted, died, left = {}, {}, {}
if #ids > 0 and marked_arg ~= '' then
  wanted = call('SMISMEMBER', wanted_key, unpack(ids))
end
if #ids > 0 and dead_arg == '0' then
  died = call('ZMSCORE', dead_key, unpack(ids))
end
for n, id in ipairs(ids) do
  if wanted[n] ~= 1 and not died[n] then
    left[#left + 1] = id
  end
end
return { cursor, left, #found }
