-- Hand claimed tasks back unrun, due as they were.
-- KEYS: reply, due, leased, leases, paused, groups
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3...] for each run two: id: string; lease: string, as claimed
-- Returns: string, the earliest due time in ms (-1: none), a blank, and for each run 1 (handed back) or 0 (stale)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing; no attempt is charged; passes when
--   Redis is out of memory.

local done = recall(reply_key, sequence_arg)
if done then
  return done
end

local now = now_ms()
local ids = arguments(3, 2)
local held = call('HMGET', leases_key, unpack(ids))

local ended, results, places = {}, {}, new_places()
for n, id in ipairs(ids) do
  if read_lease(held[n]) ~= ARGV[2 * n + 2] then
    results[n] = '0'
  else
    results[n] = '1'
    ended[#ended + 1] = id
    place(places, id, due_again(held[n], now))
  end
end

if #ended > 0 then
  pass_when_full(reply_key)
  end_claims(ended, places, now, due_key, paused_key, leased_key, leases_key, groups_key, channel_arg)
end
return remember(reply_key, sequence_arg, digits(places.earliest or -1) .. ' ' .. table.concat(results))
