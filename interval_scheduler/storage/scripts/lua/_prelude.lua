-- Functions that the loader puts before every script, after those of `_checks.lua`.
--
-- Redis does not roll a script back. So a script reads and decides first, then adds, then deletes: if Redis refuses a
-- write half-way (a right was withdrawn), a task may stand at two places, but never at none. A script deletes a lease
-- before its deadline, and a record last: a later claim finds the rest again when the deadline passes.

-- A member that is no possible id. A script writes it into a small set or hash before a batch, and deletes it
-- afterwards: Redis keeps short members as a list, and searches this list from its start for each member of the batch.
-- One long member makes it a table at once.
local LONG = string.rep('\0', 65)

-- Take one of every `step` arguments, from `first` on: the ids, where each item has several arguments.
local function arguments(first, step)
  local found = {}
  for at = first, #ARGV, step do
    found[#found + 1] = ARGV[at]
  end
  return found
end

-- Tell the server time in µs.
local function now_us()
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Tell the server time in ms, rounded down.
local function now_ms()
  return math.floor(now_us() / 1000)
end

-- Write a whole number as plain digits; Lua's own conversion loses digits above 14 places.
local function digits(number)
  return format('%d', number)
end

-- Read the last fencing token; '0' if there was none, or if it cannot be read: the clock goes on with greater ones.
local function last_token(fence_key)
  local token = call('GET', fence_key)
  return whole(token) and token or '0'
end

-- Make a fencing token: server time in µs, or the last token plus one where the clock stood still or went back, which
-- is seldom: then it is written once more.
local function next_token(fence_key, micros)
  local token = digits(micros)
  local after = (whole(call('SET', fence_key, token, 'GET')) or 0) + 1
  if after > micros then
    token = digits(after)
    call('SET', fence_key, token)
  end
  return token
end

-- Read the least score of a sorted set, as the due time of the first waiting task; nil if the set is empty.
local function head(zset_key)
  return moment_of(call('ZRANGE', zset_key, 0, 0, 'WITHSCORES')[2])
end

-- Tell sleeping schedulers if the first waiting task is due earlier than before. Without the right to publish, they
-- find it at their next look.
local function announce(channel, before, earliest)
  if earliest and (not before or earliest < before) then
    redis.pcall('PUBLISH', channel, digits(earliest))
  end
end

-- Make the name of the channel on which sleeping schedulers listen from any key of the partition, for a script to which
-- it is not worth its bytes in each request.
local function wake_channel(key)
  return match(key, '^.-}:') .. 'wake'
end

-- Split a text into lines.
local function lines(text)
  local found = {}
  for line in string.gmatch(text .. '\n', '([^\n]*)\n') do
    found[#found + 1] = line
  end
  return found
end

-- Collect the new places of tasks: pairs of due times and ids, one list for waiting tasks and one for paused tasks, and
-- the earliest due time of those that wait.
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

-- Find the earliest moment at which a claim may find a due task or an ended lease; nil if there is none.
local function next_claim(due_key, leased_key)
  local due, ends = head(due_key), head(leased_key)
  if due and ends then
    return math.min(due, ends)
  end
  return due or ends
end

-- Read the fields of the given ids from a hash that seldom exists; an empty list while it does not exist.
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

-- Forget the oldest dead tasks, and return how many. `hashes` lists the hashes with a field for each of them, except that
-- of the records. With its key, `tasks_key`, the records are deleted too, as the last.
local function forget_oldest(count, dead_key, hashes, tasks_key)
  local oldest = call('ZRANGE', dead_key, 0, count - 1)
  delete_members(oldest, { dead_key })
  delete_fields(oldest, hashes)
  if tasks_key then
    delete_records(tasks_key, oldest)
  end
  return #oldest
end

-- Forget the oldest dead tasks beyond a limit, at most as many as a batch may have added.
local function bound_dead(limit, most, dead_key, hashes, tasks_key)
  local beyond = call('ZCARD', dead_key) - tonumber(limit)
  if beyond > 0 then
    forget_oldest(math.min(beyond, most), dead_key, hashes, tasks_key)
  end
end
