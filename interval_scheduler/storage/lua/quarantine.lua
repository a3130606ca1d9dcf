-- Set claimed tasks whose record cannot be read aside as dead, so that the others go on.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] leased: id -> lease deadline, ms
-- KEYS[3] leases: id -> lease
-- KEYS[4] attempts: id -> deliveries that failed
-- KEYS[5] dead: id -> when it was set aside, ms
-- KEYS[6] errors: id -> what a dead task's last run failed with
-- KEYS[7] due: id -> due, ms
-- KEYS[8] groups: prefix of the keys of groups (see _groups.lua)
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2...] for each run two: id: string; lease: string, as claimed
-- Returns: string, for each run 1 (set aside) or 0 (stale)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing; the record stays for inspection;
--   passes when Redis is out of memory.

local done = recall(KEYS[1], ARGV[1])
if done then
  return done
end

local now = now_ms()
local ids = {}
for at = 2, #ARGV, 2 do
  ids[#ids + 1] = ARGV[at]
end
local held = call('HMGET', KEYS[3], unpack(ids))

local ended, dead, errors, results = {}, {}, {}, {}
for n, id in ipairs(ids) do
  if string.match(held[n] or '', '^%d+ %d+') ~= ARGV[2 * n + 1] then
    results[n] = '0'
  else
    results[n] = '1'
    ended[#ended + 1] = id
    dead[2 * #ended - 1], dead[2 * #ended] = digits(now), id
    errors[2 * #ended - 1], errors[2 * #ended] = id, '1 the record is corrupt'
  end
end
if #ended > 0 then
  pass_when_full(KEYS[1])
  call('ZADD', KEYS[5], unpack(dead))
  call('HSET', KEYS[6], unpack(errors))
  call('HDEL', KEYS[3], unpack(ended))
  call('ZREM', KEYS[2], unpack(ended))
  call('HDEL', KEYS[4], unpack(ended))
  leave_groups(KEYS[8], ended, now, KEYS[7])
end
return remember(KEYS[1], ARGV[1], table.concat(results))
