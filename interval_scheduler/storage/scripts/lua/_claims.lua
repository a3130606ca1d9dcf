-- Functions for the end of claims, which the loader puts after those of `_groups.lua`.

-- Delete the leases of tasks that already stand at their new places. Then call `delete`, if given, for all else that
-- the script deletes; then let parked tasks use the room in the groups. Returns true if a parked task waits again.
local function end_leases(ids, now, due_key, leased_key, leases_key, groups, delete)
  call('HDEL', leases_key, unpack(ids))
  call('ZREM', leased_key, unpack(ids))
  if delete then
    delete()
  end
  return leave_groups(groups, ids, now, due_key)
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

-- Put tasks whose lease passed its deadline back into the due set, and count one failed delivery for each. Those beyond a
-- limit are left to the next claim. Returns how many there were.
local function recover_expired(now, limit, due_key, leased_key, leases_key, attempts_key, paused_key, groups)
  local expired = call('ZRANGE', leased_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, math.min(limit, ENDED))
  if #expired == 0 then
    return 0
  elseif #expired > ENDED_OF_GROUPS and call('EXISTS', groups .. 'of') == 1 then
    expired = { unpack(expired, 1, ENDED_OF_GROUPS) }
  end
  local held = call('HMGET', leases_key, unpack(expired))
  local back = new_places()
  for n, id in ipairs(expired) do
    place(back, id, due_again(held[n], now))
  end
  put(back, due_key, paused_key)
  count_attempts(attempts_key, expired)
  end_leases(expired, now, due_key, leased_key, leases_key, groups)
  return #expired
end
