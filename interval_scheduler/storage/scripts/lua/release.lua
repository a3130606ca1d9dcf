-- Hand claimed tasks back unrun, due as they were; at once, or after a delay in which nobody may claim them.
-- KEYS: reply, due, leased, leases, paused, groups
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3...] for each run three: id: string; lease: string, as claimed; delay: integer, ms, or 0 for none, with 'u'
--   behind it if the run did not start
-- Returns: string, the earliest due time or end of a delay in ms (-1: none), a blank, and for each run 1 (handed back),
--   0 (stale) or x (it is cancelled: it is not handed back, and its caller ends it as failed)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing; no attempt is charged; a task with a delay
--   stays leased until then, and leaves its group at once; sleeping schedulers hear of the end of a delay, since no lease
--   that they know of ends then; a group with a rate gets the token of a run back that did not start; passes when Redis is
--   out of memory.

local done = recall(reply_key, sequence_arg)
if done then
  return done
end

local now = now_ms()
local ids = arguments(3, 3)
local held = call('HMGET', leases_key, unpack(ids))

local ended, resting, deadlines, results, places, unstarted = {}, {}, {}, {}, new_places(), {}
local wakes -- when the first of the delays has ended
for n, id in ipairs(ids) do
  local delay, is_unstarted = match(ARGV[3 * n + 2], '^(%d+)(u?)$')
  delay = tonumber(delay)
  local claim, _, _, _, cancelled = read_lease(held[n])
  if claim ~= ARGV[3 * n + 1] then
    results[n] = '0'
  elseif cancelled == 'x' then
    results[n] = 'x'
  else
    results[n] = '1'
    unstarted[#unstarted + 1] = is_unstarted == 'u' and id or nil
    if delay > 0 then
      resting[#resting + 1] = id
      deadlines[#deadlines + 1], deadlines[#deadlines + 2] = digits(now + delay) .. PUT_OFF, id
      wakes = math.min(wakes or LATEST, now + delay + 1)
    else
      ended[#ended + 1] = id
      place(places, id, due_again(held[n], now))
    end
  end
end

if #unstarted > 0 then
  pass_when_full(reply_key)
  give_back_unstarted(groups_key, unstarted, now)
end
if #resting > 0 then
  pass_when_full(reply_key)
  local before = head(due_key)
  call('ZADD', leased_key, unpack(deadlines))
  if leave_groups(groups_key, resting, now, due_key) then
    wakes = now
  end
  announce(channel_arg, before, wakes)
end
if #ended > 0 then
  pass_when_full(reply_key)
  end_claims(ended, places, now, due_key, paused_key, leased_key, leases_key, groups_key, channel_arg)
end
local earliest = math.min(places.earliest or LATEST, wakes or LATEST)
return remember(reply_key, sequence_arg, digits(earliest < LATEST and earliest or -1) .. ' ' .. table.concat(results))
