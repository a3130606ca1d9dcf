-- Functions by which a claim finds out what holds for it: a pause, a rate, the bounds of groups. They stand before those of
-- `_room.lua`.

-- The score in 'room' of a scheduler without a limit.
local ANY = 1000000

-- Find the bound of a group.
local function cap_of(caps, group)
  local cap = caps.of and caps.of[group]
  if caps.key and not cap then
    cap = whole(call('HGET', caps.key, group)) or caps.any
    caps.of[group] = cap
  end
  return cap and (cap > 0 and cap or ANY) or caps.any
end

-- Find out what holds for a claim: a pause, and quotas. Nearly always there is neither, nor a group, nor a failed delivery,
-- which one look tells. Takes how many tasks it wants; the bounds of groups as its scheduler gives them (0: any number); and
-- the tokens that it brings from the master, or '' if the bucket of the rate is here. Returns a table: `is_plain`, if there is
-- none of all these; `most`, how many tasks it may take; `caps`, for `cap_of`, the widest as `most`; `is_paused`; `quotas`, the
-- functions for these; `tokens` if there is a rate, and the `bucket` if it is here; `has_rates`, if some group has one.
local function limits_of(groups, halt_key, attempts_key, now, wanted, group_limit, tokens)
  local any, of, most = tonumber(group_limit), nil, nil
  if not any then -- that of any group that has no own one, and for each that has, two lines: the group, and its bound
    local parts = lines(group_limit)
    any, of, most = tonumber(parts[1]), {}, 0
    for n = 2, #parts - 1, 2 do
      of[parts[n]] = tonumber(parts[n + 1])
      most = math.max(most, of[parts[n]])
    end
  end
  any = any > 0 and any or ANY
  local limits = { wanted = wanted, most = wanted, caps = { any = any, of = of, most = math.max(any, most or 0) } }
  limits.is_plain = call('EXISTS', halt_key, groups .. 'quota', groups .. 'in-use', groups .. 'parked', attempts_key) == 0
  if limits.is_plain or call('EXISTS', halt_key, groups .. 'quota') == 0 then
    return limits
  end
  limits.is_paused = call('EXISTS', halt_key) == 1
  local quotas = quota_functions()
  local kept = call('HMGET', groups .. 'quota', 'rate', 'bucket')
  local rate, bound = quotas.rate_of(kept[1]), whole(call('HGET', groups .. 'caps', '*'))
  limits.quotas = quotas
  if rate then
    limits.bucket = tokens == '' and quotas.bucket_of(rate, kept[2], now) or nil
    limits.tokens = limits.bucket and quotas.tokens_in(limits.bucket) or tonumber(tokens)
    limits.most = math.min(wanted, limits.tokens)
  end
  if limits.is_paused then
    limits.most = 0
  end
  if bound then -- what is kept here holds for all schedulers
    limits.caps = { any = bound > 0 and bound or ANY, of = {}, key = groups .. 'caps', most = ANY }
  end
  limits.has_rates = call('EXISTS', groups .. 'rates') == 1
  return limits
end

-- Pay for the tasks that a claim took, or take tokens back for those that it hands back: a number below 0.
local function pay(limits, groups, count, now)
  limits.tokens = limits.tokens - count
  if limits.bucket and count ~= 0 then
    limits.quotas.spend(limits.bucket, count)
    call('HSET', groups .. 'quota', 'bucket', limits.quotas.bucket_text(limits.bucket, now))
  end
end

-- Tell when to look next, ms, 0 for at once, or -1 for nothing known; and, where the namespace has a rate, as a second
-- value what due tasks wait for: 0 for nothing; the time until there are tokens, ms; or below 0 the number of tokens that
-- are to be taken from the master. Nobody need look before that. `coming` is when the next task is due, or the next lease
-- ends, infinite for neither; nil if the claim does not know it.
local function next_look(limits, groups, is_left, now, due_key, leased_key, coming)
  if limits.is_paused then
    return -1
  end
  local first = limits.tokens and limits.tokens < 1 and head(due_key)
  if first and first <= now then
    local waiting = math.min(limits.wanted, call('ZCOUNT', due_key, '-inf', digits(now)))
    if not limits.bucket then
      return -1, -waiting
    end
    local wait = limits.quotas.ready_in(limits.bucket, waiting)
    return now + wait, wait
  end
  local moment = is_left and 0 or coming or next_claim(due_key, leased_key) or math.huge
  local refill = limits.has_rates and head(groups .. 'refill')
  moment = math.min(moment, refill or math.huge)
  return moment < math.huge and moment or -1, limits.tokens and 0 or nil
end
