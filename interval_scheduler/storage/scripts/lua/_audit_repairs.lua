-- Functions of `audit.lua`, behind those of `_audit_finds.lua`: each takes what `look_up` found of an id, and repairs one
-- kind of problem.

local BAD_ID = 'the id is no UTF-8, or too long'

-- The earliest moment at which a repaired task waits; nil while none does.
local earliest

local function wait_until(id, moment)
  call('ZADD', due_key, digits(moment), id)
  earliest = earliest and math.min(earliest, moment) or moment
end

local function forget(found)
  local id = found.id
  delete_members({ id }, { due_key, leased_key, dead_key, paused_key, failing_key })
  delete_fields({ id }, { leases_key, attempts_key, errors_key, runs_key, failures_key, history_key, causes_key, pauses_key })
  take_from_tags(tasks_key, { id })
  drop_parked(groups, { id })
  if give_up_turns(groups, { id }, now, due_key) or leave_groups(groups, { id }, now, due_key) then
    earliest = now
  end
end

local function hand_back(found)
  local moment, is_paused = due_again(found.lease, now)
  if is_paused then
    call('ZADD', paused_key, digits(moment), found.id)
  else
    wait_until(found.id, moment)
  end
  if end_leases({ found.id }, now, due_key, leased_key, leases_key, groups) then
    earliest = now
  end
end

local function stay_at_first(found)
  local kept = found.places[1]
  if kept == 'leased' and not found.lease then
    kept = found.places[2]
  end
  local id = found.id
  if kept ~= 'due' and found.due then
    call('ZREM', due_key, id)
    give_up_turns(groups, { id }, now, due_key)
  end
  if kept ~= 'parked' and found.parked then
    drop_parked(groups, { id })
  end
  if kept ~= 'paused' then
    call('ZREM', paused_key, id)
  end
  if kept ~= 'dead' then
    call('ZREM', dead_key, id)
    call('HDEL', errors_key, id)
  end
  if kept ~= 'leased' then
    call('ZREM', leased_key, id)
    call('HDEL', leases_key, id)
    leave_groups(groups, { id }, now, due_key)
  end
end

local function set_aside(found)
  call('ZADD', dead_key, digits(now), found.id)
  call('HSET', errors_key, found.id, '1 ' .. (is_id(found.id) and 'the record is corrupt' or BAD_ID))
  call('ZREM', due_key, found.id)
  call('ZREM', paused_key, found.id)
  drop_parked(groups, { found.id })
  give_up_turns(groups, { found.id }, now, due_key)
end

local function recover(found)
  local fraction = match(call('ZSCORE', leased_key, found.id) or '', '%.%d+$')
  if fraction == WAITS then -- as `recover_expired`
    add(attempts_key, found.id, 0)
  elseif fraction ~= PUT_OFF then
    count_attempts(attempts_key, { found.id })
  end
  hand_back(found)
end

local function set_right(found)
  local id = found.id
  if found.odd then
    call('HDEL', HASHES[found.odd], id)
  elseif found.due then
    wait_until(id, moment_of(found.due) == LATEST and now or moment_of(found.due))
  elseif found.paused then
    call('ZADD', paused_key, digits(moment_of(found.paused) == LATEST and now or moment_of(found.paused)), id)
  else
    call('ZADD', dead_key, digits(now), id)
  end
end

local function bring_back(found)
  local flags, interval, phase, grid = read_header(match(found.record, '^[^;\n]*'))
  -- A cron task runs once for all that it missed: no script can work out its next time.
  local moment = interval and following(now, now, flags, interval, phase, grid) or now
  if found.due then
    wait_until(found.id, moment)
  else
    call('ZADD', paused_key, digits(moment), found.id)
  end
end

local function add_to_index(found)
  add_to_tags(tasks_key, { found.id })
end

local function drop_stray_lease(found)
  call('HDEL', leases_key, found.id)
end

local function drop(name)
  return function(found)
    if name == 'of' then
      leave_groups(groups, { found.id }, now, due_key)
    elseif name == 'failing' or name == 'causes' then
      call('ZREM', failing_key, found.id)
      call('HDEL', causes_key, found.id)
    else
      call('HDEL', HASHES[name], found.id)
    end
  end
end
