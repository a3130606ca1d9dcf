-- Functions that the loader puts before every script, after those of `_checks.lua`.
--
-- Redis does not roll a script back. So a script reads and decides first, then adds, then deletes: if Redis refuses a
-- write half-way (a right was withdrawn), a task may stand at two places, but never at none. A script deletes a lease
-- before its deadline, and a record last: a later claim finds the rest again when the deadline passes.

-- A member that is no possible id. A script writes it into a small set or hash before a batch, and deletes it
-- afterwards: Redis keeps short members as a list, and searches this list from its start for each member of the batch.
-- One long member makes it a table at once.
local LONG = string.rep('\0', 65)

-- The time for which a reply is kept for a retry of its request, in ms. No sender retries for this long.
local REPLY_KEPT_MS = 600000

-- The greatest number of missed occurrences that are kept of a task that wants each of them.
local MISSED_KEPT = 1000

-- The caller hears of each task that cannot be assigned, which then stays as it is.
local TELLS = true

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

-- Find the reply to a request that was carried out before: nil for a new request, an error if a later one of its
-- session was carried out. A session numbers its requests and sends one at a time, so Redis must keep its last reply
-- only. This is RIFL's scheme for exactly-once requests (Lee et al., "Implementing Linearizability at Large Scale and
-- Low Latency", SOSP 2015), with a window of one request.
local function recall(reply_key, sequence)
  local last = redis.pcall('GET', reply_key)
  if not last then
    return nil
  elseif type(last) == 'table' then -- an error
    return match(tostring(last.err), 'WRONGTYPE') and corrupt_reply(reply_key) or last
  end
  local blank = string.find(last, ' ', 1, true)
  local done = blank and whole(string.sub(last, 1, blank - 1))
  if not done then
    return corrupt_reply(reply_key)
  elseif done < tonumber(sequence) then
    return nil
  elseif done > tonumber(sequence) then
    return redis.error_reply('OUTDATED a later request of this session was carried out')
  end
  return string.sub(last, blank + 1)
end

-- Make the error for a request whose sender knows another membership than the one here; nil if it is the same. What the
-- sender knows is the text in the key of the epoch: the epoch of the list of partitions, a colon, and when the database
-- became a partition, in µs. The name of that key follows from any other key of the partition. If the key is not there,
-- cannot be read or has another birth, the data are lost or the key was changed: the sender has to enroll anew.
local function list_changed(key, known, with_any_list)
  local stored = call('GET', match(key, '^.-}:') .. 'epoch')
  if stored == known then
    return nil
  end
  local epoch, born = match(stored or '', '^(%d+):(%d+)$')
  if not whole(epoch) or born ~= match(known, ':(%d+)$') then
    return redis.error_reply('UNENROLLED this is not the database that the sender enrolled in')
  elseif not with_any_list then
    return redis.error_reply('LISTCHANGED the list of partitions has the epoch ' .. epoch .. ' by now')
  end
end

-- As `recall`, for a request that must be refused if its sender knows another membership. Its number is a stamp: what
-- the sender knows, a colon and the number; '?' behind them makes it a request for existing tasks only.
local function recall_in_epoch(reply_key, stamp, with_any_list)
  local known, sequence = match(stamp, '^(%d+:%d+):(%d+)')
  return recall(reply_key, sequence or stamp) or known and list_changed(reply_key, known, with_any_list)
end

-- As `recall_in_epoch`, but whatever list of partitions the sender has: only lost data make the difference.
local function recall_in_database(reply_key, stamp)
  return recall_in_epoch(reply_key, stamp, true)
end

-- Check a request for existing tasks only. If one of them does not exist here: '?' and for each 1 (exists) or 0. Else
-- nil.
local function not_all_exist(stamp, tasks_key, ids)
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

-- Keep a reply for a retry. Redis refuses this only if it is out of memory and the script wrote nothing else: then a
-- retry changes nothing either.
local function remember(reply_key, sequence, reply)
  sequence = match(sequence, ':(%d+)%??$') or sequence -- of a stamp
  redis.pcall('SET', reply_key, sequence .. ' ' .. reply, 'PX', REPLY_KEPT_MS)
  return reply
end

-- Make the first write of a script that must pass when Redis is out of memory. Redis checks its memory only at the
-- first write of a script, and never for PEXPIRE. This one only extends the time for which the last reply is kept.
local function pass_when_full(reply_key)
  call('PEXPIRE', reply_key, REPLY_KEPT_MS)
end

-- Read the last fencing token; '0' if there was none, or if it cannot be read: the clock goes on with greater ones.
local function last_token(fence_key)
  local token = call('GET', fence_key)
  return whole(token) and token or '0'
end

-- Make a fencing token: server time in µs, or the last token plus one where the clock stood still or went back.
local function next_token(fence_key)
  local token = math.max(tonumber(last_token(fence_key)) + 1, now_us())
  call('SET', fence_key, digits(token))
  return digits(token)
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

-- Read the fields of a header (see records.py): flags, interval, phase and grid. A one-shot has flags only. Returns nil
-- if the text is no header.
local function read_header(header)
  local flags, interval, phase, rest = match(header, '^([sb]d?) ([1-9]%d*) (%d+)(.*)$')
  if flags and (#interval > 15 or #phase > 15) then
    return nil
  elseif flags and rest == '' then
    return flags, interval, phase
  end
  local grid = match(rest or '', '^ ([1-9]%d*)$')
  if grid and #grid <= 15 then
    return flags, interval, phase, grid
  end
  return match(header, '^[sb]d?$')
end

-- Find the first moment on the grid of an interval that is after now even when rounded down to the rounding grid.
local function on_grid(now, interval, phase, grid)
  local base = now - now % grid + grid - 1
  return base + interval - (base - phase) % interval
end

-- Work out the due time after `due` of a recurring task, from the fields of its header. Fixed rate: the first moment
-- after now on the task's own grid, so that missed occurrences become one; where the clock went back to before `due`,
-- the moment after `due`. Fixed delay: one interval from now. Both are rounded down to the rounding grid, and are
-- always after now. With `each`, missed occurrences are due one by one, the last thousand of them.
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

-- Work out what comes after a run, from the header that begins at a place in a text and ends with a newline. Returns
-- the next due time (false for none, as after a one-shot; nil if the header cannot be read), the place behind the
-- header, and its policy. Only the caller can work out the next due time of a cron task: the control '@' carries it, or
-- `sent` if the header is that of a record, whose calendar is the same.
local function after_run(text, at, now, due, sent)
  local header, behind = match(text, '^([^\n]*)\n()', at)
  local plain, policy = match(header or '', '^([^;]*)(.*)$')
  local flags, interval, phase, grid = read_header(plain)
  local last = tonumber(match(policy, ';u(%d+)'))
  local is_cron = policy ~= '' and match(policy, ';c')
  local told = whole(match(policy, ';@(%d+)')) or is_cron and sent
  if not flags or (not told and is_cron) then
    return nil, behind, policy
  end
  local moment = told
    or interval and following(now, moment_of(due) or now, flags, interval, phase, grid, match(policy, ';ma'))
    or false
  if moment and last and moment > last then
    moment = false
  end
  return moment, behind, policy
end

-- Matches the header of most tasks, with a fixed rate and nothing else: interval, phase, and the place behind the
-- header.
local PLAIN_RATE = '^[sb] ([1-9]%d*) (%d+)\n()'

-- Split a text into lines.
local function lines(text)
  local found = {}
  for line in string.gmatch(text .. '\n', '([^\n]*)\n') do
    found[#found + 1] = line
  end
  return found
end

-- Take a lease apart. The due time in it is a score, which others may have written. Returns four strings: the part that
-- its worker knows; the due time of the run; the mark, if the task was assigned or controlled during the run ('k': go on
-- by the new record; 's' and a moment: be due then; else ''); and 'p' if it was paused, else ''. None if the text is no
-- lease.
local function read_lease(held)
  return match(held or '', '^(%d+ (%S+)) ?(k?s?%d*)(p?)$')
end

-- Read the due time after the run from a mark; nil if the mark has none. For a cron task, a scheduler whose clock is a
-- little late may have chosen the occurrence that just ran: this one is over, and the mark does not count.
local function decided(mark, policy, due)
  local moment = whole(match(mark, '^s(%d+)$'))
  if moment and moment <= (moment_of(due) or 0) and match(policy, ';@') then
    return nil
  end
  return moment
end

-- Work out what comes after a run whose task may have been assigned or controlled meanwhile: `marked` if its lease has a
-- mark. Takes what `after_run` found by the header that the worker sent. Returns the next due time (false: none; nil: the
-- record cannot be read), and true if the run counts, in the count of runs of the task.
local function after_all(moment, policy, id, mark, now, due, tasks_key, runs_key)
  if moment == nil and mark ~= 'k' then
    return nil, false
  end
  local most = tonumber(match(policy, ';n(%d+)'))
  local record = mark ~= '' and call('HGET', tasks_key, id)
  if record then
    local planned, _, rules = after_run(record, 1, now, due, whole(match(policy, ';@(%d+)')))
    local counts, last = most ~= nil, tonumber(match(rules, ';u(%d+)'))
    most = tonumber(match(rules, ';n(%d+)'))
    if mark == 'k' then
      moment, counts = planned, most ~= nil
    else
      moment = decided(mark, policy, due) or moment
      -- A mark is no way around the rules of the task.
      moment = not (moment and last and moment > last) and moment
    end
    if not counts then
      return moment, false
    end
  end
  if most and (whole(call('HGET', runs_key, id)) or 0) + 1 >= most then
    moment = moment and false
  end
  return moment, most ~= nil
end

-- Find the due time of a task that goes back unrun, and if it is paused. The due time is that of its claim, or the
-- moment that a later assignment set.
local function due_again(held, now)
  local _, due, mark, paused = read_lease(held)
  return whole(match(mark or '', '^s(%d+)$')) or whole(due) or now, paused == 'p'
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

-- Find the earliest moment at which a claim may find a due task or an ended lease; -1 if there is none, and while the
-- namespace is paused.
local function next_claim(due_key, leased_key, halt_key)
  if call('EXISTS', halt_key) == 1 then
    return -1
  end
  local due, ends = head(due_key), head(leased_key)
  if due and ends then
    return math.min(due, ends)
  end
  return due or ends or -1
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

-- Forget the oldest dead tasks, and return how many. `hashes` lists all hashes that know a dead task, the records last.
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
