-- Take due tasks for one worker and reschedule them at once: at most once.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] due: id -> due, ms
-- KEYS[4] leased: id -> lease deadline, ms
-- KEYS[5] leases: id -> lease
-- KEYS[6] fence: the last fencing token
-- KEYS[7] attempts: id -> deliveries that failed
-- KEYS[8] dead: id -> when it was set aside, ms
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] limit: integer, how many tasks at most
-- Returns: {now, µs; next look, ms or -1; token; ids; due times, ms; records; failed deliveries or empty}
-- Guarantees: atomic; a task goes to one worker; earliest due first, never early; recurring tasks are due again at
--   their next time, one-shots are gone; a retry gets the same tasks; passes when Redis is out of memory; what has
--   no record is dropped, what cannot be read is set aside as dead.

-- Byte strings as one string, each behind its length.
local function pack(strings)
  local parts = {}
  for n, bytes in ipairs(strings) do
    parts[n] = #bytes .. ':' .. bytes
  end
  return table.concat(parts)
end

local function unpacked(packed)
  local strings, at = {}, 1
  while at <= #packed do
    local colon = string.find(packed, ':', at, true)
    local length = tonumber(string.sub(packed, at, colon - 1))
    strings[#strings + 1] = string.sub(packed, colon + 1, colon + length)
    at = colon + length + 1
  end
  return strings
end

local micros = now_us()
local now = math.floor(micros / 1000)
local token, ids, dues, kept, tries = '0', {}, {}, {}, {}

local done = recall(KEYS[1], ARGV[1])
if type(done) == 'table' then
  return done
elseif done then
  local strings = unpacked(done)
  local any_failed = false
  token = strings[1]
  for at = 2, #strings, 4 do
    local last = #ids + 1
    ids[last], dues[last], kept[last] = strings[at], strings[at + 1], strings[at + 2]
    tries[last] = strings[at + 3] ~= '' and strings[at + 3]
    any_failed = any_failed or tries[last]
  end
  return { micros, next_look(KEYS[3], KEYS[4]), token, ids, dues, kept, any_failed and tries or {} }
end

pass_when_full(KEYS[1])
recover_expired(now, ARGV[2], KEYS[3], KEYS[4], KEYS[5], KEYS[7])
local found = call('ZRANGE', KEYS[3], '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
local failed = {}
if #found > 0 then
  local candidates = {}
  for at = 1, #found, 2 do
    candidates[#candidates + 1] = found[at]
  end
  local records = call('HMGET', KEYS[2], unpack(candidates))
  failed = attempts_of(KEYS[7], candidates)
  token = next_token(KEYS[6])
  local again, gone, off, dead = {}, {}, {}, {}
  for n, id in ipairs(candidates) do
    local due, record = found[2 * n], records[n]
    local flags, interval, phase, grid = read_header(string.match(record or '', '^([^\n]*)\n') or '')
    if flags then
      local last = #ids + 1
      ids[last], dues[last], kept[last] = id, due, record
      if #failed > 0 then
        tries[last] = failed[n]
      end
      if interval then
        again[#again + 1] = digits(following(now, due, flags, interval, phase, grid))
        again[#again + 1] = id
      else
        gone[#gone + 1] = id
        off[#off + 1] = id
      end
    else
      off[#off + 1] = id
      if record then
        dead[#dead + 1] = digits(now)
        dead[#dead + 1] = id
      end
    end
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
local reply = { token }
for n, id in ipairs(ids) do
  reply[4 * n - 2], reply[4 * n - 1], reply[4 * n], reply[4 * n + 1] = id, dues[n], kept[n], tries[n] or ''
end
remember(KEYS[1], ARGV[1], pack(reply))
return { micros, next_look(KEYS[3], KEYS[4]), token, ids, dues, kept, tries }
