-- Take due tasks off the due set and lease them to one worker.
-- KEYS: reply, tasks, due, leased, leases, attempts, paused, groups, fence, halt, longest
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many tasks at most
-- ARGV[3] lease: integer, ms
-- ARGV[4] group limit: integer, how many tasks of one group may be leased; 0 for any number
-- ARGV[5] places: integer, how many of them begin at once; the others wait for a place on the worker
-- Returns: {now, µs; next look, ms or -1; token, or the last token of all claims if nothing was due; ids;
--   due times, ms; records; failed deliveries or empty}
-- Guarantees: atomic; refused under another membership; a task goes to one worker; earliest due first, never
--   early; tasks whose lease passed its deadline become due first, and what only waited is not charged; a retry gets the
--   tasks of the first try that it still holds; passes when Redis is out of memory; a task without a record is dropped; a task of a group without room
--   is parked; nothing is taken while the namespace is paused.

local micros = now_us()
local now = math.floor(micros / 1000)

local function answer(token, ids, dues, records)
  return { micros, next_claim(due_key, leased_key, halt_key), token, ids, dues, records, extras_of(attempts_key, ids) }
end

local done = recall_in_epoch(reply_key, stamp_arg)
if type(done) == 'table' then
  return done
elseif done then
  local token, deadline = match(done, '^(%d+) (%-?%d+)$')
  if not token then
    return corrupt_reply(reply_key)
  end
  local ids, dues = {}, {}
  local candidates = call('ZRANGE', leased_key, deadline, deadline .. WAITS, 'BYSCORE')
  local held = #candidates > 0 and call('HMGET', leases_key, unpack(candidates)) or {}
  for n, id in ipairs(candidates) do
    local holder, due = match(held[n] or '', '^(%d+) (%S+)')
    if holder == token then
      ids[#ids + 1] = id
      dues[#dues + 1] = due
    end
  end
  return answer(token, ids, dues, #ids > 0 and call('HMGET', tasks_key, unpack(ids)) or {})
end

pass_when_full(reply_key)
recover_expired(now, limit_arg, due_key, leased_key, leases_key, attempts_key, paused_key, groups_key)
local found = call('EXISTS', halt_key) == 1 and {}
  or call('ZRANGE', due_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, limit_arg, 'WITHSCORES')
if #found == 0 then
  -- An empty reply is kept too: nobody waits for a late copy of this request, so the copy must not claim tasks.
  local token = last_token(fence_key)
  remember(reply_key, stamp_arg, token .. ' 0')
  return answer(token, {}, {}, {})
end

local candidates = ids_of(found)
local joining, runs
local records = call('HMGET', tasks_key, unpack(candidates))
found, records, joining, runs = by_room(groups_key, tonumber(group_limit_arg), found, records)
-- No new token if all tasks had to be parked: other schedulers would take it for a claim that took their tasks.
local token = #found > 0 and next_token(fence_key) or last_token(fence_key)
local deadline = digits(now + tonumber(lease_arg))
local ids, dues, kept, leased, leases = {}, {}, {}, { deadline, LONG }, { LONG, LONG }
local count, places = 0, tonumber(places_arg)
for n, record in ipairs(records) do
  if record then
    local id, due = found[2 * n - 1], found[2 * n]
    count = count + 1
    ids[count], dues[count], kept[count] = id, due, record
    leased[2 * count + 1], leased[2 * count + 2] = count > places and deadline .. WAITS or deadline, id
    leases[2 * count + 1], leases[2 * count + 2] = id, token .. ' ' .. due
  end
end
if count > 0 then
  call('ZADD', leased_key, unpack(leased))
  call('HSET', leases_key, unpack(leases))
  call('ZREM', leased_key, LONG)
  call('HDEL', leases_key, LONG)
  join_groups(groups_key, joining)
  note_length(longest_key, tonumber(lease_arg))
end
call('ZREMRANGEBYRANK', due_key, 0, #candidates - 1)
use_room(groups_key, tonumber(group_limit_arg), runs, tonumber(limit_arg), now, due_key)
-- Without any task, no deadline is kept: the token may belong to another claim, and a retry must not find its tasks.
remember(reply_key, stamp_arg, token .. ' ' .. (count > 0 and deadline or '0'))
return answer(token, ids, dues, kept)
