-- Functions by which a claim finds out what holds for it: a pause, a rate, the bounds of groups. They stand before those of
-- `_room.lua`.

-- The score in 'room' of a scheduler without a limit.
local ANY = 1000000

-- Read the bounds of groups as a scheduler gives them: a number, 0 for none; or that of any group that has no own one, and
-- for each that has, a line break, the group, a line break, and its bound. `most` is the widest of them.
local function caps_of(text)
  local any = tonumber(text)
  if any then
    any = any > 0 and any or ANY
    return { any = any, most = any }
  end
  local parts, of = lines(text), {}
  any = tonumber(parts[1])
  any = any > 0 and any or ANY
  local most = any
  for n = 2, #parts - 1, 2 do
    of[parts[n]] = tonumber(parts[n + 1])
    most = math.max(most, of[parts[n]])
  end
  return { any = any, of = of, most = most }
end

-- Find the bound of a group.
local function cap_of(caps, group)
  local cap = caps.of and caps.of[group]
  if caps.key and not cap then
    cap = whole(call('HGET', caps.key, group)) or caps.any
    caps.of[group] = cap
  end
  return cap and (cap > 0 and cap or ANY) or caps.any
end

-- Find out what holds for a claim: a pause, and quotas. Nearly always there is neither, which one look tells. Takes how many
-- tasks it wants; the bounds of groups as its scheduler gives them; and the tokens that it brings from the master, or ''
-- if the bucket of the rate is here. Returns a table: `most`, how many tasks it may take; `caps`, for `cap_of`;
-- `is_paused`; `tokens` if there is a rate, and the `bucket` if it is here; `has_rates`, if some group has one.
local function limits_of(groups, halt_key, now, wanted, group_limit, tokens)
  local limits = { wanted = wanted, most = wanted, caps = caps_of(group_limit) }
  if call('EXISTS', halt_key, groups .. 'quota') == 0 then
    return limits
  end
  limits.is_paused = call('EXISTS', halt_key) == 1
  local kept = call('HMGET', groups .. 'quota', 'rate', 'bucket')
  local rate, any = rate_of(kept[1]), whole(call('HGET', groups .. 'caps', '*'))
  if rate then
    limits.bucket = tokens == '' and bucket_of(rate, kept[2], now) or nil
    limits.tokens = limits.bucket and tokens_in(limits.bucket) or tonumber(tokens)
    limits.most = math.min(wanted, limits.tokens)
  end
  if limits.is_paused then
    limits.most = 0
  end
  if any then -- what is kept here holds for all schedulers
    limits.caps = { any = any > 0 and any or ANY, of = {}, key = groups .. 'caps', most = ANY }
  end
  limits.has_rates = call('EXISTS', groups .. 'rates') == 1
  return limits
end

-- Pay for the tasks that a claim took.
local function pay(limits, groups, count, now)
  limits.tokens = limits.tokens - count
  if limits.bucket and count > 0 then
    spend(limits.bucket, count)
    call('HSET', groups .. 'quota', 'bucket', bucket_text(limits.bucket, now))
  end
end

-- Tell when to look next, ms, 0 for at once, or -1 for nothing known; and, where the namespace has a rate, as a second
-- value what due tasks wait for: 0 for nothing; the time until there are tokens, ms; or below 0 the number of tokens that
-- are to be taken from the master. Nobody need look before that.
local function next_look(limits, groups, is_left, now, due_key, leased_key)
  if limits.is_paused then
    return -1
  end
  local first = limits.tokens and limits.tokens < 1 and head(due_key)
  if first and first <= now then
    local waiting = math.min(limits.wanted, call('ZCOUNT', due_key, '-inf', digits(now)))
    if not limits.bucket then
      return -1, -waiting
    end
    local wait = ready_in(limits.bucket, waiting)
    return now + wait, wait
  end
  local moment = is_left and 0 or next_claim(due_key, leased_key)
  local refill = limits.has_rates and head(groups .. 'refill')
  if refill then
    moment = math.min(moment or refill, refill)
  end
  return moment or -1, limits.tokens and 0 or nil
end
