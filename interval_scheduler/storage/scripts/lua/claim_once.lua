-- Take due tasks for one worker and reschedule them at once, for delivery at most once.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, fence, halt, longest
-- KEYS taken: list, the tasks that the session's last claim took: ids, due times, records, failed deliveries
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many tasks at most
-- ARGV[3] lease: integer, ms
-- ARGV[4] group limit: string, how many tasks of one group may be leased, 0 for any number; behind it for each group with
--   a bound of its own a line break, its name, a line break, and the bound
-- ARGV[5] weight: integer, bytes; the records are no heavier in all, or there is one only
-- ARGV[6] dead limit: integer, how many dead tasks are kept
-- ARGV[7] places: integer, how many of them begin at once; the others wait for a place on the worker
-- ARGV[8] tokens: integer, how many tokens the claim brings from the master; '' if the rate of the namespace is kept here
-- ARGV[9] had: integer, how many tasks the last reply brought if there may be more of that claim, since it was repeated;
--   else -1
-- Returns: {now, µs; next look, ms, 0 for at once, or -1; token, or the last token of all claims if nothing was due; ids;
--   due times, ms; records; failed deliveries or empty; and where the namespace has a rate, for what due tasks wait, as by
--   claim}
-- Guarantees: atomic; refused under another membership; a task goes to one worker; earliest due first, never
--   early; recurring tasks are due again at their next time, one-shots are gone; cron tasks, and tasks with retries, a
--   limit of runs, a group, overlap or a history, need a completion and are leased as by claim; a retry gets the same
--   tasks, those that are too heavy by now with the next requests, each once, under the same token; passes when
--   Redis is out of memory; a task without a record is dropped; a task whose record, id or count of failed
--   deliveries cannot be read is set aside as dead; the oldest dead tasks beyond the limit are forgotten; nothing is
--   taken while the namespace is paused, nor more than its rate has tokens.

-- Read records of those that were taken, from a place on, until the next would exceed `most` bytes; the first is read in
-- any case.
local function taken_records(place, count, most)
  local records, size = {}, 0
  while #records < count do
    local step = #records > 0 and size <= SHORT * #records and AT_ONCE
      or math.min(FEW, math.max(1, math.floor((most - size) / LONGEST)))
    local first = place + #records
    local read = call('LRANGE', taken_key, first, first + math.min(step, count - #records) - 1)
    for _, record in ipairs(read) do
      size = size + #record
      if size > most and #records > 0 then
        return records
      end
      records[#records + 1] = record
    end
    if #read == 0 then -- the list has expired
      return records
    end
  end
  return records
end

-- Tell if a policy has a rule that the scheduler will refuse: its task is leased, so that it can be set aside.
local function is_refused(policy)
  for letter, value in string.gmatch(policy, ';(.)([^;]*)') do
    if letter == '@' or letter == '~' or letter == 'm' and value ~= 's' and value ~= 'a' then
      return true
    elseif string.find(letter, '[ubtlj]') and not whole(value) then
      return true
    end
  end
  return policy ~= '' and not is_id(policy)
end

local micros = now_us()
local now = math.floor(micros / 1000)
local is_left = false -- if parked tasks have more room than this claim has turns

local limits = limits_of(groups_key, halt_key, attempts_key, now, tonumber(limit_arg), group_limit_arg, tokens_arg)

local function answer(token, ids, dues, records, tries)
  local next_moment, wait = next_look(limits, groups_key, is_left, now, due_key, leased_key)
  return { micros, next_moment, token, ids, dues, records, tries, wait }
end

-- Answer with tasks that the last claim took, but for the first ones, which the worker has. Those that are too heavy by
-- now are left to the next request.
local function answer_from(token, count, tried, first)
  local records = taken_records(2 * count + first, count - first, tonumber(weight_arg))
  local function part(place)
    return #records > 0 and call('LRANGE', taken_key, place + first, place + first + #records - 1) or {}
  end
  local tries = tried > 0 and part(3 * count) or {}
  for n, failed in ipairs(tries) do
    tries[n] = failed ~= '' and failed
  end
  if #records > 0 and first + #records < count then -- what is left was taken before: neither a rate nor a pause holds it up
    return { micros, 0, token, part(0), part(count), records, tries, limits.tokens and 0 or nil }
  end
  is_left = is_any_noted(groups_key, limits, now)
  return answer(token, part(0), part(count), records, tries)
end

local done = recall_in_epoch(reply_key, stamp_arg)
if type(done) == 'table' then
  return done
elseif done then
  if limits.tokens and not limits.bucket then
    limits.tokens = 0 -- the first try used up the tokens that it brought, or its scheduler puts them back
  end
  local token, count, tried, first = match(done, '^(%d+) (%d+) (%d+) (%d+)$')
  if not token then
    return corrupt_reply(reply_key)
  end
  return answer_from(token, tonumber(count), tonumber(tried), tonumber(first))
end

pass_when_full(reply_key)
if tonumber(had_arg) >= 0 and call('EXISTS', taken_key) == 1 then
  local last = redis.pcall('GET', reply_key)
  local token, count, tried, first = match(type(last) == 'string' and last or '', '^%d+ (%d+) (%d+) (%d+) (%d+)$')
  first = (tonumber(first) or 0) + had_arg
  if token and first < tonumber(count) then
    remember(reply_key, stamp_arg, table.concat({ token, count, tried, digits(first) }, ' '))
    return answer_from(token, tonumber(count), tonumber(tried), first)
  end
end
call('DEL', taken_key) -- a new request says that the reply to the last one has arrived
local ended_leases = recover_expired(now, limit_arg, due_key, leased_key, leases_key, attempts_key, paused_key, groups_key)
limits.is_plain = limits.is_plain and ended_leases == 0 -- else there may be failed deliveries by now
use_refill(groups_key, limits, now, due_key)
local found = limits.most < 1 and {}
  or call('ZRANGE', due_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, limits.most, 'WITHSCORES')
local token, ids, dues, kept, tries = last_token(fence_key), {}, {}, {}, {}
if #found > 0 then
  local candidates = ids_of(found)
  local weight = tonumber(weight_arg)
  local records, size = values_within(tasks_key, candidates, weight)
  found, candidates = first_of(#records, found, candidates)
  local sorted = by_room(
    groups_key,
    due_key,
    tasks_key,
    now,
    limits,
    found,
    records,
    limits.most,
    weight,
    ended_leases,
    12 -- more than by claim, since what is taken is kept for a retry
  )
  if sorted.found ~= found then
    candidates, size = ids_of(sorted.found), sorted.size
  end
  found, records = sorted.found, sorted.records
  local any_odd = not are_plain(candidates)
  local again, gone, off, dead, errors, ended = {}, {}, sorted.parked, {}, {}, {}
  -- Those of which no worker will tell the result: it is not known any more that they fail.
  local any_failing, over = call('EXISTS', failing_key) == 1, {}
  local failed = limits.is_plain and {} or extras_of(attempts_key, candidates)
  if #found > 0 then
    token = next_token(fence_key, micros)
  end
  local leased, leases, deadline, joins = {}, {}, digits(now + tonumber(lease_arg)), {}
  local count, moves = 0, 0
  for n, record in ipairs(records) do
    local id, due, moment, is_leased = found[2 * n - 1], found[2 * n], nil, false
    local interval, phase = match(record or '', PLAIN_RATE)
    local problem = any_odd and not is_id(id) and 'the id in the key ' .. tasks_key .. ' is no UTF-8, or too long'
      or failed[n] and not whole(failed[n]) and 'the count in the key ' .. attempts_key .. ' cannot be read'
    if problem then
      interval = nil
    elseif interval and #interval <= 15 and #phase <= 15 then
      moment = on_grid(now, tonumber(interval), tonumber(phase), 1)
    else
      local _, policy
      moment, _, policy = after_run(record or '', 1, now, due, id)
      -- The policy alone says if the task is leased: so that is known even if its next due time cannot be worked out.
      is_leased = record and (match(policy, ';[cnrgoh]') or is_refused(policy))
    end
    if is_leased then
      moment = nil
      -- This one is the next that the worker gets.
      leased[#leased + 1], leased[#leased + 2] = count < tonumber(places_arg) and deadline or deadline .. WAITS, id
      leases[#leases + 1], leases[#leases + 2] = id, token .. ' ' .. due
      joins[id] = true
    elseif #failed > 0 then
      ended[#ended + 1] = id
    end
    if moment ~= nil or is_leased then
      count = count + 1
      ids[count], dues[count], kept[count] = id, due, record
      if #failed > 0 then
        tries[count] = failed[n]
      end
    elseif record then
      dead[#dead + 1], dead[#dead + 2] = digits(now), id
      errors[#errors + 1], errors[#errors + 2] = id, '1 ' .. (problem or 'the record is corrupt')
    end
    if moment then
      again[moves + 1], again[moves + 2] = digits(moment), id
      moves = moves + 2
    else
      off[#off + 1] = id
    end
    if any_failing and not is_leased then
      over[#over + 1] = id
    end
    if moment == false then
      gone[#gone + 1] = id
    end
  end
  if #ids > 0 then
    call('RPUSH', taken_key, unpack(ids))
    call('RPUSH', taken_key, unpack(dues))
    append(taken_key, kept, size)
    if #tries > 0 then
      local packed_tries = {}
      for n, failed in ipairs(tries) do
        packed_tries[n] = failed or ''
      end
      call('RPUSH', taken_key, unpack(packed_tries))
    end
    call('PEXPIRE', taken_key, REPLY_KEPT_MS)
  end
  if #again > 0 then
    call('ZADD', due_key, unpack(again))
  end
  local joining = {}
  for n = 1, #sorted.joining, 2 do
    local id, group = sorted.joining[n], sorted.joining[n + 1]
    if joins[id] then
      joining[#joining + 1], joining[#joining + 2] = id, group
    else -- it is set aside, and leaves its room and its token to others
      sorted.touched.of[group] = sorted.touched.of[group] - 1
      if sorted.touched.buckets[group] then
        limits.quotas.spend(sorted.touched.buckets[group], -1)
      end
    end
  end
  if #leased > 0 then
    note_length(longest_key, tonumber(lease_arg))
    call('ZADD', leased_key, unpack(leased))
    call('HSET', leases_key, unpack(leases))
    join_groups(groups_key, joining)
    keep_buckets(groups_key, limits, sorted.touched, now)
  end
  if #dead > 0 then
    call('ZADD', dead_key, unpack(dead))
    call('HSET', errors_key, unpack(errors))
  end
  if #off > 0 then
    call('ZREM', due_key, unpack(off))
  end
  delete_records(tasks_key, gone)
  delete_fields(gone, { failures_key, runs_key, history_key })
  if #over > 0 then
    delete_fields(over, { causes_key })
    delete_members(over, { failing_key })
  end
  if limits.tokens then
    pay(limits, groups_key, count, now)
  end
  is_left = use_room(groups_key, limits, sorted.touched, now, due_key)
  delete_fields(ended, { attempts_key })
  if #dead > 0 then
    bound_dead(dead_limit_arg, #records, dead_key, { errors_key, runs_key, failures_key, history_key }, tasks_key)
  end
elseif not limits.is_paused then
  is_left = use_room(groups_key, limits, { names = {} }, now, due_key)
end
-- An empty reply is kept too: nobody waits for a late copy of this request, so the copy must not take tasks.
remember(reply_key, stamp_arg, table.concat({ token, #ids, #tries, 0 }, ' '))
return answer(token, ids, dues, kept, tries)
