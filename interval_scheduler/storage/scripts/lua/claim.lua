-- Take due tasks off the due set and lease them to one worker.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] due: id -> due, ms
-- KEYS[4] leased: id -> lease deadline, ms
-- KEYS[5] leases: id -> lease
-- KEYS[6] fence: the last fencing token
-- KEYS[7] attempts: id -> deliveries that failed
-- KEYS[8] paused: id -> due, ms
-- KEYS[9] halt: there while the namespace is paused
-- KEYS[10] groups: prefix of the keys of groups (see _groups.lua)
-- ARGV[1] stamp: string, the epoch of the list of partitions, a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many tasks at most
-- ARGV[3] lease: integer, ms
-- ARGV[4] group limit: integer, how many tasks of one group may be leased; 0 for any number
-- Returns: {now, µs; next look, ms or -1; token, that of the last claim of anybody if nothing was due; ids;
--   due times, ms; records; failed deliveries or empty}
-- Guarantees: atomic; refused under another list of partitions; a task goes to one worker; earliest due first, never
--   early; ended leases become due first; a retry gets the tasks of the first try that it still holds; passes when Redis
--   is out of memory; what has no record is dropped; what belongs to a group without room is parked; nothing is taken
--   while the namespace is paused.

local micros = now_us()
local now = math.floor(micros / 1000)

local function answer(token, ids, dues, records)
  return { micros, next_look(KEYS[3], KEYS[4], KEYS[9]), token, ids, dues, records, extras_of(KEYS[7], ids) }
end

local done = recall_in_epoch(KEYS[1], ARGV[1])
if type(done) == 'table' then
  return done
elseif done then
  local token, deadline = match(done, '^(%d+) (%-?%d+)$')
  local ids, dues = {}, {}
  local candidates = call('ZRANGE', KEYS[4], deadline, deadline, 'BYSCORE')
  local held = #candidates > 0 and call('HMGET', KEYS[5], unpack(candidates)) or {}
  for n, id in ipairs(candidates) do
    local holder, due = match(held[n] or '', '^(%d+) (%d+)')
    if holder == token then
      ids[#ids + 1] = id
      dues[#dues + 1] = due
    end
  end
  return answer(token, ids, dues, #ids > 0 and call('HMGET', KEYS[2], unpack(ids)) or {})
end

pass_when_full(KEYS[1])
recover_expired(now, ARGV[2], KEYS[3], KEYS[4], KEYS[5], KEYS[7], KEYS[8], KEYS[10])
local found = call('EXISTS', KEYS[9]) == 1 and {}
  or call('ZRANGE', KEYS[3], '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
if #found == 0 then
  -- Remembered too: a late copy of this request must not claim for nobody.
  local token = last_token(KEYS[6])
  remember(KEYS[1], ARGV[1], token .. ' 0')
  return answer(token, {}, {}, {})
end

local candidates = {}
for n = 1, #found / 2 do
  candidates[n] = found[2 * n - 1]
end
local joining, runs
local records = call('HMGET', KEYS[2], unpack(candidates))
found, records, joining, runs = by_room(KEYS[10], tonumber(ARGV[4]), found, records)
-- Without a new token where all had to be parked: it would look like the claim of another, that this came in vain for.
local token = #found > 0 and next_token(KEYS[6]) or last_token(KEYS[6])
local deadline = digits(now + tonumber(ARGV[3]))
local ids, dues, kept, leased, leases = {}, {}, {}, { deadline, LONG }, { LONG, LONG }
local count = 0
for n, record in ipairs(records) do
  if record then
    local id, due = found[2 * n - 1], found[2 * n]
    count = count + 1
    ids[count], dues[count], kept[count] = id, due, record
    leased[2 * count + 1], leased[2 * count + 2] = deadline, id
    leases[2 * count + 1], leases[2 * count + 2] = id, token .. ' ' .. due
  end
end
if count > 0 then
  call('ZADD', KEYS[4], unpack(leased))
  call('HSET', KEYS[5], unpack(leases))
  call('ZREM', KEYS[4], LONG)
  call('HDEL', KEYS[5], LONG)
  join_groups(KEYS[10], joining)
end
call('ZREMRANGEBYRANK', KEYS[3], 0, #candidates - 1)
use_room(KEYS[10], tonumber(ARGV[4]), runs, tonumber(ARGV[2]), now, KEYS[3])
-- Without any task no deadline either: the token may be that of another, whose tasks a retry must not find.
remember(KEYS[1], ARGV[1], token .. ' ' .. (count > 0 and deadline or '0'))
return answer(token, ids, dues, kept)
