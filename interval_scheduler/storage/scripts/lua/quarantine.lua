-- Set claimed tasks whose record cannot be read aside as dead, so that the others go on.
-- KEYS[1] reply: the session's last reply
-- KEYS[2] leased: id -> lease deadline, ms
-- KEYS[3] leases: id -> lease
-- KEYS[4] attempts: id -> deliveries that failed
-- KEYS[5] dead: id -> when it was set aside, ms
-- KEYS[6] errors: id -> what a dead task's last run failed with
-- KEYS[7] due: id -> due, ms
-- KEYS[8] groups: prefix of the keys of groups (see _groups.lua)
-- KEYS[9] paused: id -> due, ms
-- KEYS[10] runs: id -> runs that ended, of tasks that have only so many
-- KEYS[11] failures: id -> runs that failed for good
-- KEYS[12] tasks: id -> record
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] dead limit: integer, how many dead tasks are kept
-- ARGV[4...] for each run two: id: string; lease: string, as claimed
-- Returns: string, for each run 1 (set aside) or 0 (stale)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing; the record stays for inspection; a task
--   assigned anew meanwhile has another record, and is due again; of the dead ones the oldest are forgotten beyond the
--   limit; passes when Redis is out of memory.

local done = recall(KEYS[1], ARGV[1])
if done then
  return done
end

local now = now_ms()
local ids = arguments(4, 2)
local held = call('HMGET', KEYS[3], unpack(ids))

local ended, dead, errors, results, places = {}, {}, {}, {}, new_places()
for n, id in ipairs(ids) do
  local claim, _, mark = read_lease(held[n])
  if claim ~= ARGV[2 * n + 3] then
    results[n] = '0'
  else
    results[n] = '1'
    ended[#ended + 1] = id
    if mark ~= '' then
      place(places, id, due_again(held[n], now))
    else
      dead[#dead + 1], dead[#dead + 2] = digits(now), id
      errors[#errors + 1], errors[#errors + 2] = id, '1 the record is corrupt'
    end
  end
end
if #ended > 0 then
  local before = head(KEYS[7])
  pass_when_full(KEYS[1])
  put(places, KEYS[7], KEYS[9])
  if #dead > 0 then
    call('ZADD', KEYS[5], unpack(dead))
    call('HSET', KEYS[6], unpack(errors))
  end
  call('HDEL', KEYS[3], unpack(ended))
  call('ZREM', KEYS[2], unpack(ended))
  call('HDEL', KEYS[4], unpack(ended))
  bound_dead(ARGV[3], #ids, KEYS[5], { KEYS[6], KEYS[10], KEYS[11], KEYS[12] })
  local makes_room = leave_groups(KEYS[8], ended, now, KEYS[7])
  announce(ARGV[2], before, makes_room and now or places.earliest)
end
return remember(KEYS[1], ARGV[1], table.concat(results))
