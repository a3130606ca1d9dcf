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

-- Keep a reply for a retry. Refused only when Redis is out of memory and the script wrote nothing else;
-- the retry may then do its nothing once more.
local function remember(reply_key, sequence, reply)
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
-- rounding grid, and never to now or before.
local function following(now, due, flags, interval, phase, grid)
  interval, phase, grid = tonumber(interval), tonumber(phase), math.max(tonumber(grid) or 1, 1)
  if string.find(flags, 'd', 1, true) then
    local after = now + interval
    after = after - after % grid
    return after > now and after or after + grid
  end
  local moment = on_grid(now, interval, phase, grid)
  if moment - moment % grid == tonumber(due) then
    moment = moment + interval
  end
  return moment - moment % grid
end

-- What comes after a run, by the header that stands in a text from a place on and ends with a newline: the next due
-- time; false for none, a one-shot; nil if it cannot be read. And the place behind it.
-- The due time of the run may be left out where the clock is known to be past it.
local function after_run(text, at, now, due)
  -- Most tasks have a fixed rate and no rounding grid: for these one match is enough.
  local interval, phase, behind = match(text, '^[sb] ([1-9]%d*) (%d+)\n()', at)
  if interval and not due then
    return on_grid(now, tonumber(interval), tonumber(phase), 1), behind
  end
  local header, flags, grid
  header, behind = match(text, '^([^\n]*)\n()', at)
  flags, interval, phase, grid = read_header(header or '')
  if not flags then
    return nil, behind
  end
  return interval and following(now, due, flags, interval, phase, grid) or false, behind
end

-- The lines of a text.
local function lines(text)
  local found = {}
  for line in string.gmatch(text .. '\n', '([^\n]*)\n') do
    found[#found + 1] = line
  end
  return found
end

-- Where a task whose claim ended unrun goes back to: its due time, or where a re-assign in between put it.
local function due_again(held, now)
  local due, mark = match(held or '', '^%d+ (%d+) ?(.*)$')
  return tonumber(match(mark or '', '^s(%d+)$')) or tonumber(due) or now
end

-- Tasks whose lease ended go back to the due set, their next delivery counted as one more attempt.
local function recover_expired(now, limit, due_key, leased_key, leases_key, attempts_key)
  local expired = call('ZRANGE', leased_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, limit)
  if #expired == 0 then
    return
  end
  local held = call('HMGET', leases_key, unpack(expired))
  local back = {}
  for n, id in ipairs(expired) do
    back[2 * n - 1] = digits(due_again(held[n], now))
    back[2 * n] = id
  end
  call('ZADD', due_key, unpack(back))
  for _, id in ipairs(expired) do
    call('HINCRBY', attempts_key, id, 1)
  end
  call('HDEL', leases_key, unpack(expired))
  call('ZREM', leased_key, unpack(expired))
end

-- The earliest moment at which a claim may find something: a due task or an ended lease; -1 for none.
local function next_look(due_key, leased_key)
  local due, ends = head(due_key), head(leased_key)
  if due and ends then
    return math.min(due, ends)
  end
  return due or ends or -1
end

-- The attempts of the given ids; empty while no delivery ever failed.
local function attempts_of(attempts_key, ids)
  if #ids == 0 or call('EXISTS', attempts_key) == 0 then
    return {}
  end
  return call('HMGET', attempts_key, unpack(ids))
end
