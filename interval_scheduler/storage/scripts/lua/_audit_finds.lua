-- Functions of `audit.lua` that read what the key space has of an id; the loader puts them between the names of its
-- header and the rest of it.

local now = now_ms()
local groups = groups_key
-- A lease that ends later than this is stuck. The leases of all schedulers count, and not those of the one that audits.
local latest = now + math.max(3600000, 10 * longest_lease(longest_key))
local HASHES = {
  attempts = attempts_key,
  errors = errors_key,
  runs = runs_key,
  failures = failures_key,
  history = history_key,
  causes = causes_key,
  pauses = pauses_key,
  of = groups .. 'of',
  overdue = groups .. 'overdue',
  ['parked-of'] = groups .. 'parked-of',
}
-- The hashes that may know a task beside its record and its place, in the order of the report.
local EXTRAS = { 'attempts', 'errors', 'runs', 'failures', 'history', 'causes', 'of', 'overdue', 'parked-of', 'pauses' }
-- Those of them that are counts.
local COUNTS = { 'attempts', 'runs', 'failures' }
-- The places of a task. One that is at several places stays at the first of them.
local PLACES = { 'leased', 'due', 'parked', 'paused', 'dead' }

-- Read all that the key space has of an id.
local function look_up(id)
  local found = {
    id = id,
    record = call('HGET', tasks_key, id),
    due = tonumber(call('ZSCORE', due_key, id)),
    leased = tonumber(call('ZSCORE', leased_key, id)),
    lease = call('HGET', leases_key, id) or nil,
    dead = tonumber(call('ZSCORE', dead_key, id)),
    paused = tonumber(call('ZSCORE', paused_key, id)),
    tagged = is_in_tags(tasks_key, id),
    odd = nil,
    extras = {},
    places = {},
  }
  for _, name in ipairs(EXTRAS) do
    found.extras[name] = call('HGET', HASHES[name], id) or nil
  end
  found.failing = tonumber(call('ZSCORE', failing_key, id))
  local member = found.extras['parked-of']
  if member and call('ZSCORE', groups .. 'parked', member) then
    found.parked = read_parked(member)
    found.extras['parked-of'] = nil
  end
  for _, name in ipairs(COUNTS) do
    if found.extras[name] and not whole(found.extras[name]) then
      found.odd = name
    end
  end
  if found.extras.history and not is_history(found.extras.history) then
    found.odd = 'history'
  end
  for _, name in ipairs(PLACES) do
    if found[name] then
      found.places[#found.places + 1] = name
    end
  end
  return found
end

-- The last moment at which a claim was made, by the clock of the server then, in ms. It is in the future if that clock
-- was ahead, and stays there: tokens of claims increase.
local last_claim = math.floor(tonumber(last_token(fence_key)) / 1000)
local MINUTE, HOUR, DAY = 60000, 3600000, 86400000

-- Find out if a task waits for a moment that was reckoned from a clock that was ahead: it has run since it was assigned,
-- so that its next time can be no more than one interval from now, or the longest back-off of a further attempt. Only
-- what was due about when that clock showed its last claim is meant: a start that is as far away was asked for.
-- Returns by how many ms it is too far away; nil if it is not.
local function too_far(found)
  local due = found.due or found.paused
  if not due or last_claim < now + MINUTE or due < last_claim - DAY then
    return nil
  end
  local header = match(found.record, '^[^\n]*')
  local flags, interval = read_header(match(header, '^[^;]*'))
  local most = interval and tonumber(interval) or match(header, ';c') and 366 * DAY or found.extras.attempts and HOUR
  local least = match(header, ';c') and 0 or most
  if not flags or not most or due <= now + least + MINUTE or due > last_claim + most + HOUR then
    return nil
  end
  return due - now
end
