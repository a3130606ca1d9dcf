-- Extend held leases, and tell of runs that are cancelled.
-- KEYS: reply, leased, leases
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] lease: integer, ms from now
-- ARGV[3...] for each run two: id: string; lease: string, as claimed
-- Returns: string, for each run 1 (extended), 0 (stale), x (extended, and the run is cancelled) or h (the same, and it is
--   to be handed back)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing, and neither does that of a
--   task that was put off, which nobody runs; passes when Redis is out of memory.

local done = recall(reply_key, sequence_arg)
if done then
  return done
end

local deadline = digits(now_ms() + tonumber(lease_arg))
local ids = arguments(3, 2)
local held = call('HMGET', leases_key, unpack(ids))
local ends = call('ZMSCORE', leased_key, unpack(ids))

local renewed, deadlines, results = {}, {}, {}
for n, id in ipairs(ids) do
  local claim, _, _, _, cancelled = read_lease(held[n])
  if claim ~= ARGV[2 * n + 2] or is_put_off(ends[n]) then
    results[n] = '0'
  else
    results[n] = cancelled ~= '' and cancelled or '1'
    renewed[#renewed + 1] = id
    deadlines[2 * #renewed - 1], deadlines[2 * #renewed] = deadline, id
  end
end
if #renewed > 0 then
  pass_when_full(reply_key)
  call('ZADD', leased_key, unpack(deadlines))
end
return remember(reply_key, sequence_arg, table.concat(results))
