-- Functions that the loader puts before every script.
--
-- Scripts do not roll back. So they read and decide first, then add, then take away: should a write be refused half-way
-- (a right withdrawn), a task may stand at two places, but never at none. A lease goes before its deadline, and a record
-- last: what is left behind by a refusal is then found again when the deadline passes.

local call = redis.call
local match, format = string.match, string.format -- a local is found faster

-- A member that no id can be, written first into a small set or hash and taken away again. Redis keeps those of short
-- members as a list, which it searches from the start for each member of a batch; a long one makes it a table at once.
local LONG = string.rep('\0', 65)

-- How long a reply is kept for a retry of its request, in ms; no request is retried for that long.
local REPLY_KEPT_MS = 600000

-- How many missed occurrences of a task that wants each of them are kept.
local MISSED_KEPT = 1000

-- Every so-many-th argument, from a place on: the ids, where each item has several arguments.
local function arguments(first, step)
  local found = {}
  for at = first, #ARGV, step do
    found[#found + 1] = ARGV[at]
  end
  return found
end

-- Server time in µs.
local function now_us()
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Server time in ms, rounded down.
local function now_ms()
  return math.floor(now_us() / 1000)
end

-- A whole number as plain digits; Lua's own conversion loses digits above 14 places.
local function digits(number)
  return format('%d', number)
end

-- The reply to this very request if it was carried out before, an error if a later one was, nil if it is new.
-- A session numbers its requests and sends one at a time, so that the last reply is all that must be kept.
local function recall(reply_key, sequence)
  local last = call('GET', reply_key)
  if not last then
    return nil
  end
  local blank = string.find(last, ' ', 1, true)
  local done = tonumber(string.sub(last, 1, blank - 1))
  if done < tonumber(sequence) then
    return nil
  elseif done > tonumber(sequence) then
    return redis.error_reply('OUTDATED a later request of this session was carried out')
  end
  return string.sub(last, blank + 1)
end

-- The error for a request of another epoch of the list of partitions than that which holds here; nil if it is the same.
-- The epoch stands beside the given key; nothing stands there in the first one.
local function list_changed(key, epoch)
  local stored = call('GET', match(key, '^.-}:') .. 'epoch') or '1'
  if stored ~= epoch then
    return redis.error_reply('LISTCHANGED the list of partitions has the epoch ' .. stored .. ' by now')
  end
end

-- As `recall`, for a request that must not be carried out under another list of partitions than its sender's. Its number
-- is a stamp: the epoch, a colon and the number, and '?' if it is only for tasks that are known here.
local function recall_in_epoch(reply_key, stamp)
  local epoch, sequence = match(stamp, '^(%d+):(%d+)')
  return recall(reply_key, sequence or stamp) or epoch and list_changed(reply_key, epoch)
end

-- Of a request that is only for tasks that are known here: '?' and for each 1 (known) or 0, if one is not. Else nil.
local function not_all_known(stamp, tasks_key, ids)
  if string.sub(stamp, -1) ~= '?' then
    return nil
  end
  local flags = {}
  for n, id in ipairs(ids) do
    flags[n] = call('HEXISTS', tasks_key, id)
  end
  flags = table.concat(flags)
  return string.find(flags, '0', 1, true) and '?' .. flags or nil
end

-- Keep a reply for a retry. Refused only when Redis is out of memory and the script wrote nothing else;
-- the retry may then do its nothing once more.
local function remember(reply_key, sequence, reply)
  sequence = match(sequence, ':(%d+)') or sequence -- of a stamp
  redis.pcall('SET', reply_key, sequence .. ' ' .. reply, 'PX', REPLY_KEPT_MS)
  return reply
end

-- To be called before the first write of a script that must pass when Redis is out of memory: Redis asks for memory only
-- at a script's first write, and never for this one, which changes no more than how long the last reply is kept.
local function pass_when_full(reply_key)
  call('PEXPIRE', reply_key, REPLY_KEPT_MS)
end

-- The last fencing token, '0' if there was none.
local function last_token(fence_key)
  return call('GET', fence_key) or '0'
end

-- A fencing token: server time in µs, or one more than the last where the clock stood still or went back.
local function next_token(fence_key)
  local token = math.max(tonumber(last_token(fence_key)) + 1, now_us())
  call('SET', fence_key, digits(token))
  return digits(token)
end

-- The due time of the first waiting task, nil if there is none.
local function head(zset_key)
  return tonumber(call('ZRANGE', zset_key, 0, 0, 'WITHSCORES')[2])
end

-- Tell sleeping schedulers if the first waiting task now comes earlier. Without the right to publish they look later.
local function announce(channel, before, earliest)
  if earliest and (not before or earliest < before) then
    redis.pcall('PUBLISH', channel, digits(earliest))
  end
end

-- The fields of a header (see records.py): flags, interval, phase and grid; flags alone for a one-shot; nil if it is none.
local function read_header(header)
  local flags, interval, phase, rest = match(header, '^([sb]d?) ([1-9]%d*) (%d+)(.*)$')
  if flags and rest == '' then
    return flags, interval, phase
  end
  local grid = match(rest or '', '^ ([1-9]%d*)$')
  if grid then
    return flags, interval, phase, grid
  end
  return match(header, '^[sb]d?$')
end

-- The first moment on the grid of an interval that, rounded down to the rounding grid, is after now.
local function on_grid(now, interval, phase, grid)
  local base = now - now % grid + grid - 1
  return base + interval - (base - phase) % interval
end

-- The due time after `due` of a recurring task, from the fields of its header.
-- Fixed rate: the first moment on the task's own grid after now, so that missed ones coalesce; where the clock
-- went back to before `due`, the one after `due`. Fixed delay: an interval from now. Both rounded down to the
-- rounding grid, and never to now or before. With `each`, missed ones are due one by one, the last thousand of them.
local function following(now, due, flags, interval, phase, grid, each)
  interval, phase, grid = tonumber(interval), tonumber(phase), math.max(tonumber(grid) or 1, 1)
  if string.find(flags, 'd', 1, true) then
    local after = now + interval
    after = after - after % grid
    return after > now and after or after + grid
  end
  local moment = on_grid(each and math.max(due, now - MISSED_KEPT * interval) or now, interval, phase, grid)
  if moment - moment % grid == due then
    moment = moment + interval
  end
  return moment - moment % grid
end

-- What comes after a run, by the header that stands in a text from a place on and ends with a newline: the next due
-- time; false for none, as after a one-shot; nil if it cannot be read. Then the place behind it, and its controls.
-- A header whose next due time only its caller can work out (cron) carries it as the control '@'.
local function after_run(text, at, now, due)
  local header, behind = match(text, '^([^\n]*)\n()', at)
  local plain, controls = match(header or '', '^([^;]*)(.*)$')
  local flags, interval, phase, grid = read_header(plain)
  local told, last = tonumber(match(controls, ';@(%d+)')), tonumber(match(controls, ';u(%d+)'))
  if not flags or (not told and match(controls, ';c')) then
    return nil, behind, controls
  end
  local moment = told
    or interval and following(now, tonumber(due) or now, flags, interval, phase, grid, match(controls, ';ma'))
    or false
  if moment and last and moment > last then
    moment = false
  end
  return moment, behind, controls
end

-- The header of most tasks, of a fixed rate and with nothing else: its interval, its phase, and the place behind.
local PLAIN_RATE = '^[sb] ([1-9]%d*) (%d+)\n()'

-- The lines of a text.
local function lines(text)
  local found = {}
  for line in string.gmatch(text .. '\n', '([^\n]*)\n') do
    found[#found + 1] = line
  end
  return found
end

-- A lease, taken apart: what its worker knows of it; the due time of the run; what was decided meanwhile of where the task
-- goes after it ('k': to where its new record says, 's' and a moment: there, or ''); and 'p' if it was paused.
local function read_lease(held)
  return match(held or '', '^(%d+ (%d+)) ?(k?s?%d*)(p?)$')
end

-- Where a mark says that a task goes after its run, nil for nothing. A cron expression that was worked out during the run
-- may have come to the run's own occurrence, by a clock a trifle behind: that is over.
local function decided(mark, controls, due)
  local moment = tonumber(match(mark, '^s(%d+)$'))
  if moment and moment <= tonumber(due) and match(controls, ';@') then
    return nil
  end
  return moment
end

-- Where a task whose claim ended unrun goes back to: its due time, or where a re-assign in between put it; and whether it
-- is paused.
local function due_again(held, now)
  local _, due, mark, paused = read_lease(held)
  return tonumber(match(mark or '', '^s(%d+)$')) or tonumber(due) or now, paused == 'p'
end

-- Pairs of due times and ids, apart for tasks that wait and such that are paused.
local function new_places()
  return { waiting = {}, paused = {}, earliest = nil }
end

local function place(places, id, moment, is_paused)
  local list = is_paused and places.paused or places.waiting
  list[#list + 1] = digits(moment)
  list[#list + 1] = id
  if not is_paused and (not places.earliest or moment < places.earliest) then
    places.earliest = moment
  end
end

local function put(places, due_key, paused_key)
  if #places.waiting > 0 then
    call('ZADD', due_key, unpack(places.waiting))
  end
  if #places.paused > 0 then
    call('ZADD', paused_key, unpack(places.paused))
  end
end

-- The earliest moment at which a claim may find something: a due task or an ended lease; -1 for none, and while the
-- namespace is paused.
local function next_look(due_key, leased_key, halt_key)
  if call('EXISTS', halt_key) == 1 then
    return -1
  end
  local due, ends = head(due_key), head(leased_key)
  if due and ends then
    return math.min(due, ends)
  end
  return due or ends or -1
end

-- What a hash holds that is seldom there, for each of the given ids; empty while it is not.
local function extras_of(key, ids)
  if #ids == 0 or call('EXISTS', key) == 0 then
    return {}
  end
  return call('HMGET', key, unpack(ids))
end

-- Delete ids from hashes, in the order given. A hash that is absent costs one look.
local function delete_fields(ids, hashes)
  for _, key in ipairs(#ids > 0 and hashes or {}) do
    if call('EXISTS', key) == 1 then
      call('HDEL', key, unpack(ids))
    end
  end
end

-- Delete ids from sorted sets, in the order given. A set that is absent costs one look.
local function delete_members(ids, sets)
  for _, key in ipairs(#ids > 0 and sets or {}) do
    if call('EXISTS', key) == 1 then
      call('ZREM', key, unpack(ids))
    end
  end
end

-- Count one more in a hash for each id.
local function count_up(key, ids)
  for _, id in ipairs(ids) do
    call('HINCRBY', key, id, 1)
  end
end

-- Forget the oldest dead tasks: return how many. The hashes hold what is known of a task, its record last.
local function forget_oldest(count, dead_key, hashes)
  local oldest = call('ZRANGE', dead_key, 0, count - 1)
  delete_members(oldest, { dead_key })
  delete_fields(oldest, hashes)
  return #oldest
end

-- Forget the oldest dead tasks beyond a limit, at most as many as a batch may have added.
local function bound_dead(limit, most, dead_key, hashes)
  local beyond = call('ZCARD', dead_key) - tonumber(limit)
  if beyond > 0 then
    forget_oldest(math.min(beyond, most), dead_key, hashes)
  end
end
