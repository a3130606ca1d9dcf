-- Take due tasks for one worker and reschedule them at once: at most once.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] due: id -> due, ms
-- KEYS[4] leased: id -> lease deadline, ms
-- KEYS[5] leases: id -> lease
-- KEYS[6] fence: the last fencing token
-- KEYS[7] attempts: id -> deliveries that failed
-- KEYS[8] dead: id -> when it was set aside, ms
-- KEYS[9] taken: list, what the session's last claim took: ids, due times, records, failed deliveries
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] limit: integer, how many tasks at most
-- Returns: {now, µs; next look, ms or -1; token, that of the last claim of anybody if nothing was due; ids;
--   due times, ms; records; failed deliveries or empty}
-- Guarantees: atomic; a task goes to one worker; earliest due first, never early; recurring tasks are due again at
--   their next time, one-shots are gone; a retry gets the same tasks; passes when Redis is out of memory; what has
--   no record is dropped, what cannot be read is set aside as dead.

-- So many strings of a list, from a place on.
local function slice(strings, first, count)
  return { unpack(strings, first, first + count - 1) }
end

local micros = now_us()
local now = math.floor(micros / 1000)

local function answer(token, ids, dues, records, tries)
  return { micros, next_look(KEYS[3], KEYS[4]), token, ids, dues, records, tries }
end

local done = recall(KEYS[1], ARGV[1])
if type(done) == 'table' then
  return done
elseif done then
  local token, count, tried = match(done, '^(%d+) (%d+) (%d+)$')
  local taken = call('LRANGE', KEYS[9], 0, -1)
  local ids, dues, records = slice(taken, 1, count), slice(taken, count + 1, count), slice(taken, 2 * count + 1, count)
  local tries = slice(taken, 3 * count + 1, tried)
  for n, failed in ipairs(tries) do
    tries[n] = failed ~= '' and failed
  end
  return answer(token, ids, dues, records, tries)
end

pass_when_full(KEYS[1])
recover_expired(now, ARGV[2], KEYS[3], KEYS[4], KEYS[5], KEYS[7])
local found = call('ZRANGE', KEYS[3], '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
local token, ids, dues, kept, tries = last_token(KEYS[6]), {}, {}, {}, {}
if #found > 0 then
  local candidates = {}
  for n = 1, #found / 2 do
    candidates[n] = found[2 * n - 1]
  end
  local records = call('HMGET', KEYS[2], unpack(candidates))
  local failed = attempts_of(KEYS[7], candidates)
  token = next_token(KEYS[6])
  local again, gone, off, dead = {}, {}, {}, {}
  local count, moves = 0, 0
  for n, id in ipairs(candidates) do
    local record = records[n]
    local moment = after_run(record or '', 1, now)
    if moment ~= nil then
      count = count + 1
      ids[count], dues[count], kept[count] = id, found[2 * n], record
      if #failed > 0 then
        tries[count] = failed[n]
      end
    elseif record then
      dead[#dead + 1] = digits(now)
      dead[#dead + 1] = id
    end
    if moment then
      again[moves + 1], again[moves + 2] = digits(moment), id
      moves = moves + 2
    else
      off[#off + 1] = id
    end
    if moment == false then
      gone[#gone + 1] = id
    end
  end
  call('DEL', KEYS[9])
  if #ids > 0 then
    call('RPUSH', KEYS[9], unpack(ids))
    call('RPUSH', KEYS[9], unpack(dues))
    call('RPUSH', KEYS[9], unpack(kept))
    if #tries > 0 then
      local packed_tries = {}
      for n, failed in ipairs(tries) do
        packed_tries[n] = failed or ''
      end
      call('RPUSH', KEYS[9], unpack(packed_tries))
    end
    call('PEXPIRE', KEYS[9], REPLY_KEPT_MS)
  end
  if #again > 0 then
    call('ZADD', KEYS[3], unpack(again))
  end
  if #dead > 0 then
    call('ZADD', KEYS[8], unpack(dead))
  end
  if #off > 0 then
    call('ZREM', KEYS[3], unpack(off))
  end
  if #gone > 0 then
    call('HDEL', KEYS[2], unpack(gone))
  end
  if #failed > 0 then
    call('HDEL', KEYS[7], unpack(candidates))
  end
end
-- Remembered even if empty: a late copy of this request must not take tasks for nobody.
remember(KEYS[1], ARGV[1], table.concat({ token, #ids, #tries }, ' '))
return answer(token, ids, dues, kept, tries)
