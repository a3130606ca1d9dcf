-- Functions for what is kept of runs that ended, which the loader puts after those of `_bytes.lua`.
--
-- A failing task is one whose last run failed, and that goes on. It stands in the sorted set `failing`, and the hash `causes`
-- has the moment and the error. Of a task with the rule `h`, the hash `history` has the last runs: a byte with their number,
-- and for each, the latest first, a byte with the length of its error, 23 characters from its worker (see past.py), its
-- error, and the length again, so that the oldest can be cut off without a walk.

-- The most failing tasks that are kept, and the most bytes of their errors and of those in a history.
local MOST_FAILING, CAUSE, NOTE = 10000, 1000, 200
-- The length of what a worker tells of a run, the bytes that a run takes beside its error, and the most bytes of a history.
local TOLD, BESIDE = 23, 25
local LONGEST_HISTORY = 1 + 100 * (BESIDE + NOTE)

-- Cut a text to at most some bytes, without a part of a character at the end.
local function cut(text, most)
  if #text <= most then
    return text
  end
  while most > 0 and (string.byte(text, most + 1) or 0) >= 128 and string.byte(text, most + 1) < 192 do
    most = most - 1
  end
  return string.sub(text, 1, most)
end

-- Read a history: the number of its runs, and the runs. 0 and '' if it cannot be read.
local function read_history(kept)
  local count = kept and #kept <= LONGEST_HISTORY and string.byte(kept, 1)
  if not count then
    return 0, ''
  end
  return count, string.sub(kept, 2)
end

-- Tell if a history is whole.
local function is_history(kept)
  local count, runs = read_history(kept)
  local at, walked = 1, 0
  while at <= #runs do
    local length = string.byte(runs, at)
    at, walked = at + BESIDE + length, walked + 1
    if string.byte(runs, at - 1) ~= length then
      return false
    end
  end
  return count > 0 and walked == count and at == #runs + 1
end

-- Put a run before the others of a history, and cut the oldest off beyond `most`. One that is not whole begins anew.
local function with_run(kept, told, text, most)
  local count, runs = 0, ''
  if kept and is_history(kept) then
    count, runs = read_history(kept)
  end
  while count >= most do
    count, runs = count - 1, string.sub(runs, 1, #runs - BESIDE - string.byte(runs, -1))
  end
  local length = string.char(#text)
  return string.char(count + 1) .. length .. told .. text .. length .. runs
end

-- Return the policy by which a run is kept: that of the claimed record, but none if the record was written anew since then
-- and asks for no runs any more.
local function policy_kept(tasks_key, id, mark, policy)
  if mark == '' or not match(policy, ';h%d') then
    return policy
  end
  local record = read_record(tasks_key, id)
  return record and match(match(record, '^[^\n]*'), ';h%d') and policy or ''
end

-- Keep a run that ended, if its policy asks for it: the control '~' has what the worker tells. `histories` collects ids and
-- values to be written. What is read here counts as read by the script.
local function note_run(histories, history_key, id, policy, error_text)
  local most, told = tonumber(match(policy, ';h(%d+)')), match(policy, ';~([%w+/]+)')
  if not most or not told or #told ~= TOLD then
    return
  end
  local kept = call('HGET', history_key, id)
  bytes_read = bytes_read + (kept and #kept or 0)
  histories[#histories + 1] = id
  histories[#histories + 1] = with_run(kept, told, cut(error_text, NOTE), math.min(math.max(most, 1), 100))
end

local function keep_histories(histories, history_key)
  if #histories > 0 then
    call('HSET', history_key, unpack(histories))
  end
end

-- Note errors of tasks that fail: pairs of a moment and an id, and of an id and a text. The oldest beyond the limit are
-- forgotten, at most as many as came.
local function note_failing(failing, causes, failing_key, causes_key)
  if #failing == 0 then
    return
  end
  call('ZADD', failing_key, unpack(failing))
  call('HSET', causes_key, unpack(causes))
  bound_dead(MOST_FAILING, #failing / 2, failing_key, { causes_key })
end

-- Forget that tasks failed. Without any failing task, it costs one look; without one of these among them, one more.
local function end_failing(ids, failing_key, causes_key)
  if #ids > 0 and call('EXISTS', failing_key) == 1 and call('ZREM', failing_key, unpack(ids)) > 0 then
    delete_fields(ids, { causes_key })
  end
end

-- Read the last run of each history, for a list of ids; empty without any history. A reply may have `most` bytes of them:
-- the list ends before.
local function last_runs(history_key, ids, most)
  if #ids == 0 or call('EXISTS', history_key) == 0 then
    return {}
  end
  local found = values_within(history_key, ids, most)
  for n, kept in ipairs(found) do
    local _, runs = read_history(kept)
    local length = string.byte(runs, 1)
    found[n] = length and string.sub(runs, 1, BESIDE + length) or false
  end
  return found
end
