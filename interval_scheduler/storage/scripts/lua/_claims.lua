-- Functions for the end of claims, which the loader puts after those of `_groups.lua`.

-- Delete the leases of tasks that already stand at their new places. Then call `delete`, if given, for all else that
-- the script deletes; then let parked tasks use the room in the groups, unless `groups` is nil: none of these tasks has
-- one. Returns true if a parked task waits again.
local function end_leases(ids, now, due_key, leased_key, leases_key, groups, delete)
  call('HDEL', leases_key, unpack(ids))
  call('ZREM', leased_key, unpack(ids))
  if delete then
    delete()
  end
  return groups and leave_groups(groups, ids, now, due_key)
end

-- End claims: put the tasks at their new places, delete the leases as above, and tell sleeping schedulers. A script
-- makes all other additions before it calls this. Afterwards `places.earliest` is the earliest moment at which one of
-- these tasks, or a parked task that got room, waits; nil if none does.
local function end_claims(ids, places, now, due_key, paused_key, leased_key, leases_key, groups, channel, delete)
  local before = head(due_key)
  put(places, due_key, paused_key)
  if end_leases(ids, now, due_key, leased_key, leases_key, groups, delete) then
    places.earliest = math.min(places.earliest or now, now)
  end
  announce(channel, before, places.earliest)
end

-- Give groups with a rate the tokens back of leased tasks whose runs did not start, before their claims end.
local function give_back_unstarted(groups, ids, now)
  if #ids > 0 and call('EXISTS', groups .. 'rates') == 1 then
    quota_functions().give_tokens_back(groups, ids, now)
  end
end

-- Read the longest lease that was noted, in ms; 0 for none.
local function longest_lease(longest_key)
  local noted = redis.pcall('GET', longest_key)
  return type(noted) == 'string' and whole(noted) or 0
end

-- Note the length of the leases of a claim, if it is the longest so far. Nothing is noted, nor read, for leases that are
-- shorter than any that an audit takes for stuck.
local function note_length(longest_key, lease)
  if lease > 360000 and lease > longest_lease(longest_key) then
    call('SET', longest_key, digits(lease))
  end
end

-- The most leases that one claim ends, and the most while tasks of groups are leased.
local ENDED, ENDED_OF_GROUPS = 400, 100

-- Fractions of a millisecond behind the deadline of a lease: they tell what it means if the lease is not kept. Without
-- one, a run had begun, and it is a failed delivery. With WAITS, the task waited for a place on its worker, as far as is
-- known: it is none, but a count of 0 is kept, so that the next worker tells when the run begins. With PUT_OFF, its worker
-- left it to others: it is none.
local WAITS, PUT_OFF = '.5', '.25'

-- Tell if a task whose lease has this score was put off: its worker does not run it, and neither does anybody else.
local function is_put_off(score)
  return score and match(score, '%.%d+$') == PUT_OFF
end

-- List the ids of due tasks, from a list of ids and due times.
local function ids_of(found)
  local ids = {}
  for n = 1, #found / 2 do
    ids[n] = found[2 * n - 1]
  end
  return ids
end

-- Find due tasks, at most some of them. Nearly always there is none or one: then a look at the first two of the set also
-- tells when the first of the others is due. Returns a list of ids and due times, id first; and that moment, infinite for
-- none; nil if it is not known.
local function find_due(due_key, most, now)
  local first = call('ZRANGE', due_key, 0, 1, 'WITHSCORES')
  local due, other = moment_of(first[2]) or math.huge, moment_of(first[4]) or math.huge
  if due > now then
    return {}, due
  elseif other > now or most == 1 then
    return { first[1], first[2] }, other
  end
  return call('ZRANGE', due_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
end

-- Put tasks whose lease passed its deadline back into the due set, and count the failed deliveries. Those beyond a limit
-- are left to the next claim. Returns how many there were; if none, also when the first lease ends, infinite for never.
local function recover_expired(now, limit, due_key, leased_key, leases_key, attempts_key, paused_key, groups)
  local first = head(leased_key) or math.huge
  if first > now then
    return 0, first
  end
  local most = math.min(limit, ENDED)
  local found = call('ZRANGE', leased_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
  if #found == 0 then
    return 0, first
  elseif #found > 2 * ENDED_OF_GROUPS and call('EXISTS', groups .. 'of') == 1 then
    found = { unpack(found, 1, 2 * ENDED_OF_GROUPS) }
  end
  local expired = ids_of(found)
  local held = call('HMGET', leases_key, unpack(expired))
  local back, failed = new_places(), {}
  for n, id in ipairs(expired) do
    place(back, id, due_again(held[n], now))
    local fraction = match(found[2 * n], '^%d+(%.%d+)$')
    if fraction == WAITS then
      add(attempts_key, id, 0)
    elseif fraction ~= PUT_OFF then
      failed[#failed + 1] = id
    end
  end
  put(back, due_key, paused_key)
  count_attempts(attempts_key, failed)
  end_leases(expired, now, due_key, leased_key, leases_key, groups)
  return #expired
end
