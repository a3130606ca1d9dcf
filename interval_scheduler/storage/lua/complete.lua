-- End runs: reschedule recurring tasks, delete one-shots, give up the leases.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] due: id -> due, ms
-- KEYS[4] leased: id -> lease deadline, ms
-- KEYS[5] leases: id -> lease
-- KEYS[6] attempts: id -> deliveries that failed
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3...] for each run three: id: string; lease: string, as claimed; header: string, of the record as claimed
-- Returns: string, the earliest new due time in ms (-1: none), a blank, and for each run 1 (ended) or 0 (stale)
-- Guarantees: atomic; applied once per request; a stale lease or an unreadable header changes nothing; a task
--   re-assigned during its run follows its new record, a removed one is not rescheduled; passes when Redis is out of
--   memory.

local done = recall(KEYS[1], ARGV[1])
if done then
  return done
end

local now = now_ms()
local ids = {}
for at = 3, #ARGV, 3 do
  ids[#ids + 1] = ARGV[at]
end
local held = call('HMGET', KEYS[5], unpack(ids))

local ended, results, waiting, gone = {}, {}, {}, {}
local earliest
for n, id in ipairs(ids) do
  local lease, header = ARGV[3 * n + 1], ARGV[3 * n + 2]
  local claim, due, mark = string.match(held[n] or '', '^(%d+ (%d+)) ?(.*)$')
  if mark == 'k' then
    header = string.match(call('HGET', KEYS[2], id) or header, '^[^\n]*')
  end
  local flags, interval, phase, grid = read_header(header)
  if claim ~= lease or not flags then
    results[n] = '0'
  else
    results[n] = '1'
    ended[#ended + 1] = id
    local moment = tonumber(string.match(mark, '^s(%d+)$'))
    if interval and not moment then
      moment = following(now, due, flags, interval, phase, grid)
    end
    if moment then
      waiting[#waiting + 1] = digits(moment)
      waiting[#waiting + 1] = id
      earliest = earliest and math.min(earliest, moment) or moment
    else
      gone[#gone + 1] = id
    end
  end
end

if #ended > 0 then
  local before = head(KEYS[3])
  pass_when_full(KEYS[1])
  if #waiting > 0 then
    call('ZADD', KEYS[3], unpack(waiting))
  end
  call('HDEL', KEYS[5], unpack(ended))
  call('ZREM', KEYS[4], unpack(ended))
  if #gone > 0 then
    call('HDEL', KEYS[2], unpack(gone))
  end
  if call('EXISTS', KEYS[6]) == 1 then
    call('HDEL', KEYS[6], unpack(ended))
  end
  announce(ARGV[2], before, earliest)
end
return remember(KEYS[1], ARGV[1], digits(earliest or -1) .. ' ' .. table.concat(results))
