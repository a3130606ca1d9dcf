-- List tasks in the order of one set, a page at a time.
-- KEYS[1] set: the set to walk, due (id -> due, ms) or leased (id -> lease deadline, ms)
-- KEYS[2] tasks: id -> record
-- KEYS[3] leases: id -> lease
-- KEYS[4] attempts: id -> deliveries that failed
-- ARGV[1] limit: integer, how many tasks at most
-- ARGV[2] score: number, of the last task of the page before; '' for the first page
-- ARGV[3...] ids: string, the last tasks of the page before with that score, the very last first
-- Returns: {ids; scores; records; leases; failed deliveries or empty}
-- Guarantees: changes nothing; O(log N) plus the page; a task that stays where it is is listed exactly once.

local first = 0
if ARGV[2] ~= '' then
  first = nil
  for at = 3, #ARGV do
    if tonumber(call('ZSCORE', KEYS[1], ARGV[at]) or nil) == tonumber(ARGV[2]) then
      first = call('ZRANK', KEYS[1], ARGV[at]) + 1
      break
    end
  end
  first = first or call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[2])
end

local found = call('ZRANGE', KEYS[1], first, first + tonumber(ARGV[1]) - 1, 'WITHSCORES')
local ids, scores = {}, {}
for at = 1, #found, 2 do
  ids[#ids + 1] = found[at]
  scores[#scores + 1] = found[at + 1]
end
if #ids == 0 then
  return { {}, {}, {}, {}, {} }
end
return {
  ids,
  scores,
  call('HMGET', KEYS[2], unpack(ids)),
  call('HMGET', KEYS[3], unpack(ids)),
  attempts_of(KEYS[4], ids),
}
