-- Find scheduled tasks whose id starts with a prefix and that a sync does not want, a step at a time.
-- KEYS: tasks, dead
-- KEYS wanted: set, the ids that one sync wants to keep
-- ARGV[1] cursor: string, where the step before ended; '0' to begin
-- ARGV[2] count: integer, about how many tasks to read; fewer if they are heavy
-- ARGV[3] prefix: string
-- ARGV[4] marked: integer, how many ids the sync marked
-- Returns: {cursor, '0' at the end, '' if marks are missing; ids}
-- Guarantees: changes nothing; every task that exists from the first step to the last is read.

-- Redis may have lost marks, in a failover or by eviction. Then wanted tasks would look unwanted.
if call('SCARD', wanted_key) ~= tonumber(marked_arg) then
  return { '', {} }
end
local cursor, found = scan_within(tasks_key, cursor_arg, count_arg)
local ids = {}
for _, id in ipairs(found) do
  if string.sub(id, 1, #prefix_arg) == prefix_arg then
    ids[#ids + 1] = id
  end
end
local unwanted = {}
if #ids > 0 then
  local wanted = call('SMISMEMBER', wanted_key, unpack(ids))
  local died = call('ZMSCORE', dead_key, unpack(ids))
  for n, id in ipairs(ids) do
    if wanted[n] == 0 and not died[n] then
      unwanted[#unwanted + 1] = id
    end
  end
end
return { cursor, unwanted }
