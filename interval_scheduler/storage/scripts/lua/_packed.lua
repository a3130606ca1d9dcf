-- Functions for tasks that come with all their state, which the loader puts after those of `_history.lua`: from another
-- partition, or from a backup.
--
-- A packed task is a line, and texts of known lengths one behind the other: its error, its history, its cause, who paused
-- it, its record. The line has the letter of its place (w: waiting, p: paused, d: dead), its moment there in ms, the counts
-- of its failed deliveries ('00' is a count of 0 that is kept), runs and failed runs, and the lengths of the four texts.
-- Those behind the first may be left out if all of them are empty.

-- The longest list of counts in digits, and the longest moment and length that are read.
local LONGEST_COUNTS, LONGEST_MOMENT, LONGEST_LENGTH = 48, 16, 15

-- Take a packed task apart: a table; nil if it cannot be read.
local function read_packed(packed)
  local letter, moment, attempts, runs, failures, length, more, behind =
    match(packed, '^([wpd]) (%-?%d+) (%d+) (%d+) (%d+) (%d+)([ %d]*)\n()')
  local history_length, cause_length, pause_length = match(more or '', '^ (%d+) (%d+) (%d+)$')
  if
    not letter
    or #attempts + #runs + #failures > LONGEST_COUNTS
    or #moment > LONGEST_MOMENT
    or #length > LONGEST_LENGTH
    or more ~= '' and (not history_length or #more > 3 * LONGEST_LENGTH + 3)
  then
    return nil
  end
  local at_history = behind + tonumber(length)
  local at_cause = at_history + tonumber(history_length or 0)
  local at_pause = at_cause + tonumber(cause_length or 0)
  local at_record = at_pause + tonumber(pause_length or 0)
  return {
    letter = letter,
    moment = moment,
    counts = { attempts == '00' and '0' or attempts ~= '0' and attempts, runs ~= '0' and runs, failures ~= '0' and failures },
    error = string.sub(packed, behind, at_history - 1),
    history = string.sub(packed, at_history, at_cause - 1),
    cause = string.sub(packed, at_cause, at_pause - 1),
    pause = string.sub(packed, at_pause, at_record - 1),
    record = string.sub(packed, at_record),
  }
end

-- Collect tasks that are to be written. `hashes` has the keys of failed deliveries, runs, failed runs, errors, histories,
-- causes and pauses, in this order.
local function new_arrivals(hashes)
  local values = {}
  for n = 1, #hashes do
    values[n] = {}
  end
  return {
    hashes = hashes,
    values = values,
    records = {},
    fresh = {},
    dead = {},
    failing = {},
    places = new_places(),
    in_groups = false,
  }
end

local function arrive(arrivals, id, task)
  local records = arrivals.records
  records[#records + 1], records[#records + 2] = id, task.record
  arrivals.in_groups = arrivals.in_groups or match(match(task.record, '^[^\n]*'), GROUP)
  if task.letter == 'd' then
    local dead = arrivals.dead
    dead[#dead + 1], dead[#dead + 2] = task.moment, id
  else
    place(arrivals.places, id, moment_of(task.moment), task.letter == 'p')
  end
  local counts = task.counts
  for n, value in ipairs({ counts[1], counts[2], counts[3], task.error, task.history, task.cause, task.pause }) do
    if value and value ~= '' then
      local values = arrivals.values[n]
      values[#values + 1], values[#values + 2] = id, value
    end
  end
  if task.cause ~= '' then
    local failing = arrivals.failing
    failing[#failing + 1], failing[#failing + 2] = digits(moment_of(match(task.cause, '^%d+')) or 0), id
  end
end

-- Write the tasks that were collected: the records first, which Redis refuses when it is out of memory.
local function put_arrivals(arrivals, tasks_key, due_key, paused_key, dead_key, failing_key, groups)
  if #arrivals.records == 0 then
    return
  end
  write_records(tasks_key, arrivals.records, arrivals.fresh)
  put(arrivals.places, due_key, paused_key)
  if #arrivals.dead > 0 then
    call('ZADD', dead_key, unpack(arrivals.dead))
  end
  if #arrivals.failing > 0 then
    call('ZADD', failing_key, unpack(arrivals.failing))
  end
  for n, values in ipairs(arrivals.values) do
    if #values > 0 then
      call('HSET', arrivals.hashes[n], unpack(values))
    end
  end
  if arrivals.in_groups then
    call('SET', groups .. 'in-use', 1)
  end
end
