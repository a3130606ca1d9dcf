-- Take due tasks off the due set and lease them to one worker.
-- KEYS: reply, tasks, due, leased, leases, attempts, paused, groups, fence, halt, longest
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many tasks at most
-- ARGV[3] lease: integer, ms
-- ARGV[4] group limit: string, how many tasks of one group may be leased, 0 for any number; behind it for each group with
--   a bound of its own a line break, its name, a line break, and the bound
-- ARGV[5] weight: integer, bytes; the records are no heavier in all, or there is one only
-- ARGV[6] places: integer, how many of them begin at once; the others wait for a place on the worker
-- ARGV[7] tokens: integer, how many tokens the claim brings from the master; '' if the rate of the namespace is kept here
-- Returns: {now, µs; next look, ms, 0 for at once, or -1; token, or the last token of all claims if nothing was due; ids;
--   due times, ms; records; failed deliveries or empty; and where the namespace has a rate, for what due tasks wait: 0 for
--   nothing, the time until there are tokens, ms, or below 0 the number of tokens to take from the master}
-- Guarantees: atomic; refused under another membership; a task goes to one worker; earliest due first, never
--   early; tasks whose lease passed its deadline become due first, and what only waited is not charged; a retry gets the
--   tasks of the first try that it still holds, and hands back those that are too heavy by now, of which sleeping
--   schedulers hear; passes when Redis is out of memory; a task without a record is dropped; a task of a group without
--   room, or without a token, is parked; nothing is taken while the namespace is paused, nor more than its rate has tokens.

-- The most leases that count as a few.
local SMALL = 8

local micros = now_us()
local now = math.floor(micros / 1000)
local is_left = false -- if parked tasks have more room than this claim has turns

local limits = limits_of(groups_key, halt_key, attempts_key, now, tonumber(limit_arg), group_limit_arg, tokens_arg)

local function answer(token, ids, dues, records, coming)
  local next_moment, wait = next_look(limits, groups_key, is_left, now, due_key, leased_key, coming)
  local failed = limits.is_plain and {} or extras_of(attempts_key, ids)
  return { micros, next_moment, token, ids, dues, records, failed, wait }
end

local done = recall_in_epoch(reply_key, stamp_arg)
if type(done) == 'table' then
  return done
elseif done then
  is_left = is_any_noted(groups_key, limits, now)
  local token, deadline = match(done, '^(%d+) (%-?%d+)$')
  if not token then
    return corrupt_reply(reply_key)
  end
  local ids, dues, mine, back, too_heavy = {}, {}, {}, new_places(), {}
  local candidates = call('ZRANGE', leased_key, deadline, deadline .. WAITS, 'BYSCORE')
  local held = #candidates > 0 and call('HMGET', leases_key, unpack(candidates)) or {}
  for n, id in ipairs(candidates) do
    if match(held[n] or '', '^(%d+) %S') == token then
      mine[#mine + 1] = n
      ids[#ids + 1] = id
    end
  end
  local records = values_within(tasks_key, ids, tonumber(weight_arg))
  ids = {}
  for at, n in ipairs(mine) do
    if at <= #records then
      ids[at], dues[at] = candidates[n], match(held[n], '^%d+ (%S+)')
    else
      too_heavy[#too_heavy + 1] = candidates[n]
      place(back, candidates[n], due_again(held[n], now))
    end
  end
  if limits.tokens and not limits.bucket then
    limits.tokens = 0 -- the first try used up the tokens that it brought, or its scheduler puts them back
  end
  if #too_heavy > 0 then
    pass_when_full(reply_key)
    if limits.has_rates then
      limits.quotas.give_tokens_back(groups_key, too_heavy, now)
    end
    if limits.bucket then
      pay(limits, groups_key, -#too_heavy, now)
    end
    end_claims(too_heavy, back, now, due_key, paused_key, leased_key, leases_key, groups_key, wake_channel(due_key))
  end
  return answer(token, ids, dues, records)
end

pass_when_full(reply_key)
local ended_leases, first_end =
  recover_expired(now, limit_arg, due_key, leased_key, leases_key, attempts_key, paused_key, groups_key)
limits.is_plain = limits.is_plain and ended_leases == 0 -- else there may be failed deliveries by now
use_refill(groups_key, limits, now, due_key)
local found, other_due = {}, nil
if limits.most > 0 then
  found, other_due = find_due(due_key, limits.most, now)
end
-- A claim that is not plain may let parked tasks wait again, which are due then.
local coming = limits.is_plain and other_due and math.min(other_due, first_end)
if #found == 0 then
  if not limits.is_paused then
    is_left = use_room(groups_key, limits, { names = {} }, now, due_key)
  end
  -- An empty reply is kept too: nobody waits for a late copy of this request, so the copy must not claim tasks.
  local token = last_token(fence_key)
  remember(reply_key, stamp_arg, token .. ' 0')
  return answer(token, {}, {}, {}, coming)
end

local candidates, weight = ids_of(found), tonumber(weight_arg)
local records = values_within(tasks_key, candidates, weight)
found = first_of(#records, found, candidates)
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
  ended_leases
)
found, records = sorted.found, sorted.records
-- No new token if all tasks had to be parked: other schedulers would take it for a claim that took their tasks.
local token = #found > 0 and next_token(fence_key, micros) or last_token(fence_key)
local deadline = digits(now + tonumber(lease_arg))
local waiting_until = deadline .. WAITS
-- A long member first, so that Redis makes tables of both at once. A few leases are as well off in a list.
local is_batch = #records > SMALL
local ids, dues, kept, leased, leases = {}, {}, {}, is_batch and { deadline, LONG } or {}, is_batch and { LONG, LONG } or {}
local count, places, at = 0, tonumber(places_arg), #leased
for n, record in ipairs(records) do
  if record then
    local id, due = found[2 * n - 1], found[2 * n]
    count = count + 1
    ids[count], dues[count], kept[count] = id, due, record
    leased[at + 1], leased[at + 2] = count > places and waiting_until or deadline, id
    leases[at + 1], leases[at + 2] = id, token .. ' ' .. due
    at = at + 2
  end
end
if count > 0 then
  call('ZADD', leased_key, unpack(leased))
  call('HSET', leases_key, unpack(leases))
  if is_batch then
    call('ZREM', leased_key, LONG)
    call('HDEL', leases_key, LONG)
  end
  join_groups(groups_key, sorted.joining)
  keep_buckets(groups_key, limits, sorted.touched, now)
  note_length(longest_key, tonumber(lease_arg))
end
if sorted.looked > 0 then -- else the range would be the whole set
  call('ZREMRANGEBYRANK', due_key, 0, sorted.looked - 1)
end
if limits.tokens then
  pay(limits, groups_key, count, now)
end
is_left = use_room(groups_key, limits, sorted.touched, now, due_key)
-- Without any task, no deadline is kept: the token may belong to another claim, and a retry must not find its tasks.
remember(reply_key, stamp_arg, token .. ' ' .. (count > 0 and deadline or '0'))
return answer(token, ids, dues, kept, coming and math.min(coming, moment_of(leased[1]) or math.huge))
