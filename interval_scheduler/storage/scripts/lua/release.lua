-- Hand claimed tasks back unrun, due as they were; at once, or after a delay in which nobody may claim them.
-- KEYS: reply, due, leased, leases, paused, groups
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3...] for each run three: id: string; lease: string, as claimed; delay: integer, ms, or 0 for none
-- Returns: string, the earliest moment, ms, at which one of them may be claimed (-1: none), a blank, and for each run 1 (handed back), 0 (stale) or x (it is
--   cancelled: it is not handed back, and its caller ends it as failed)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing; no attempt is charged; a task with a delay
--   stays leased until then, and leaves its group at once; passes when Redis is out of memory.

local done = recall(reply_key, sequence_arg)
if done then
  return done
end

local now = now_ms()
local ids = arguments(3, 3)
local held = call('HMGET', leases_key, unpack(ids))

local ended, resting, deadlines, results, places = {}, {}, {}, {}, new_places()
local rested -- the earliest moment at which a task with a delay may be claimed
for n, id in ipairs(ids) do
  local delay = tonumber(ARGV[3 * n + 2])
  local claim, _, _, _, cancelled = read_lease(held[n])
  if claim ~= ARGV[3 * n + 1] then
    results[n] = '0'
  elseif cancelled == 'x' then
    results[n] = 'x'
  else
    results[n] = '1'
    if delay > 0 then
      resting[#resting + 1] = id
      rested = math.min(rested or now + delay, now + delay)
      deadlines[#deadlines + 1], deadlines[#deadlines + 2] = digits(now + delay) .. PUT_OFF, id
    else
      ended[#ended + 1] = id
      place(places, id, due_again(held[n], now))
    end
  end
end

if #resting > 0 then
  pass_when_full(reply_key)
  local before = head(due_key)
  call('ZADD', leased_key, unpack(deadlines))
  rested = leave_groups(groups_key, resting, now, due_key) and now or rested
  places.earliest = math.min(places.earliest or rested, rested)
  announce(channel_arg, before, rested)
end
if #ended > 0 then
  pass_when_full(reply_key)
  end_claims(ended, places, now, due_key, paused_key, leased_key, leases_key, groups_key, channel_arg)
end
return remember(reply_key, sequence_arg, digits(places.earliest or -1) .. ' ' .. table.concat(results))
