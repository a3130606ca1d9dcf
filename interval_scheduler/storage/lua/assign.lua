-- Put tasks under schedule, or update those that are.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] tasks: id -> record
-- KEYS[3] due: id -> due, ms
-- KEYS[4] leases: id -> lease
-- KEYS[5] dead: id -> when it was set aside, ms
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] grid: integer, ms; execution times are rounded down to it; 0 for none
-- ARGV[4...] for each task five: id: string; code: string, the reschedule rule (k, i or s) and the record's flags;
--   start: integer, ms, or '' for as soon as possible; interval: integer, ms, or '' for once; data: bytes
-- Returns: string, the earliest due time in ms (-1: none), a blank, and for each task 1 (new) or 0 (updated)
-- Guarantees: atomic; applied once per request; refused as a whole when Redis is out of memory; a waiting
--   task keeps its place unless the rule says otherwise; a leased one is marked, so that its completion obeys
--   the new record; one set aside as dead is scheduled anew.

local done = recall(KEYS[1], ARGV[1])
if done then
  return done
end

local now = now_ms()
local grid = math.max(tonumber(ARGV[3]), 1)
local ids, wants_old = {}, false
for at = 4, #ARGV, 5 do
  ids[#ids + 1] = ARGV[at]
  wants_old = wants_old or string.byte(ARGV[at + 1]) == 105 -- 'i'
end

local due_of, lease_of, interval_of = {}, {}, {}
local scores = call('ZMSCORE', KEYS[3], unpack(ids))
local leases = call('HMGET', KEYS[4], unpack(ids))
local records = wants_old and call('HMGET', KEYS[2], unpack(ids))
for n, id in ipairs(ids) do
  due_of[id] = scores[n] and tonumber(scores[n]) or nil
  lease_of[id] = leases[n] or nil
  if records and records[n] then
    interval_of[id] = tonumber(string.match(records[n], '^%a+ (%d+)'))
  end
end

local before = head(KEYS[3])
local written, waiting, marked, created = {}, {}, {}, {}
local earliest
for n, id in ipairs(ids) do
  local at = 5 * n - 1
  local rule, flags = string.match(ARGV[at + 1], '^(.)(.*)$')
  local start, interval = tonumber(ARGV[at + 2]) or now, tonumber(ARGV[at + 3])
  local due, lease = due_of[id], lease_of[id]
  local anchor = start
  if lease then
    local claim, run_due = string.match(lease, '^(%d+ (%d+))')
    if interval and rule ~= 's' then
      anchor = tonumber(run_due)
      lease_of[id] = claim .. ' k'
    else
      lease_of[id] = claim .. ' s' .. digits(start - start % grid)
    end
    marked[#marked + 1] = id
    marked[#marked + 1] = lease_of[id]
  else
    if due and rule == 'i' and interval and interval_of[id] then
      anchor = math.max(due - interval_of[id] + interval, 0)
    elseif due and rule ~= 's' then
      anchor = due
    end
    local moment = anchor - anchor % grid
    waiting[#waiting + 1] = digits(moment)
    waiting[#waiting + 1] = id
    due_of[id] = moment
    earliest = earliest and math.min(earliest, moment) or moment
  end
  local header = flags
  if interval then
    header = flags .. ' ' .. digits(interval) .. ' ' .. digits(anchor % interval) .. (grid > 1 and ' ' .. digits(grid) or '')
  end
  interval_of[id] = interval
  written[2 * n - 1] = id
  written[2 * n] = header .. '\n' .. ARGV[at + 4]
  created[n] = (due or lease) and '0' or '1'
end

call('HSET', KEYS[2], unpack(written))
if #waiting > 0 then
  call('ZADD', KEYS[3], unpack(waiting))
end
if #marked > 0 then
  call('HSET', KEYS[4], unpack(marked))
end
call('ZREM', KEYS[5], unpack(ids))
announce(ARGV[2], before, earliest)
return remember(KEYS[1], ARGV[1], digits(earliest or -1) .. ' ' .. table.concat(created))
