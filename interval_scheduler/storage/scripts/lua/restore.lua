-- Put tasks with all their state back, from a backup.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, pauses
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session;
--   '?' behind it: for existing tasks only
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] replace: 1 to replace a task that exists, 0 to leave it as it is
-- ARGV[4...] for each task three, each id once: id: string; state: its due time, ms, if it waits, has no rules, and nothing
--   else is there of it; else all but its record, packed (see _packed.lua); record: bytes
-- Returns: string, the earliest due time in ms (-1: none), a blank, and for each task 1 (restored), 0 (exists, and stays)
--   or r (replaced); or '?' and for each 1 (exists here) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; refused as a whole when Redis is out of
--   memory; a task that is replaced loses its lease, so that a run in progress does not reschedule it.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end
local ids = arguments(4, 3)
local refused = not_all_exist(stamp_arg, tasks_key, ids)
if refused then
  return remember(reply_key, stamp_arg, refused)
end

local now = now_ms()
local hashes = { attempts_key, runs_key, failures_key, errors_key, history_key, causes_key, pauses_key }
local arrivals, replaced, tasks, results, earliest = new_arrivals(hashes), {}, {}, {}, nil
local records, fresh, waiting, has_tags = arrivals.records, arrivals.fresh, arrivals.places.waiting, may_have_tags(ids)
local is_empty = call('EXISTS', tasks_key) == 0
for n, id in ipairs(ids) do
  local exists = not is_empty and call('HEXISTS', tasks_key, id) == 1
  results[n] = not exists and '1' or replace_arg == '1' and 'r' or '0'
  if results[n] ~= '0' then
    local at = 3 * n + 2
    local state, record, task = ARGV[at], ARGV[at + 1], nil
    local due = tonumber(state)
    if due and not exists then -- the hot path: no table, and no text is made
      records[#records + 1], records[#records + 2] = id, record
      waiting[#waiting + 1], waiting[#waiting + 2] = state, id
      earliest = math.min(earliest or due, due)
    else
      task = read_packed((due and 'w ' .. state .. ' 0 0 0 0\n' or state) .. record)
      if not task then
        return redis.error_reply('ERR a task of a backup was not packed as it must be')
      end
      arrive(arrivals, id, task)
    end
    if exists then
      replaced[#replaced + 1] = id
      tasks[#tasks + 1] = task
    elseif has_tags then
      fresh[#fresh + 1] = id
    end
  end
end
earliest = math.min(earliest or math.huge, arrivals.places.earliest or math.huge)
earliest = earliest < math.huge and earliest or nil

local before = head(due_key)
put_arrivals(arrivals, tasks_key, due_key, paused_key, dead_key, failing_key, groups_key)
if #replaced > 0 then
  -- Take each of them from the places and the hashes where it is not to be any more.
  local at = { w = due_key, p = paused_key, d = dead_key }
  for letter, set in pairs(at) do
    local others = {}
    for n, id in ipairs(replaced) do
      others[#others + 1] = tasks[n].letter ~= letter and id or nil
    end
    delete_members(others, { set })
  end
  local none = { {}, {}, {}, {}, {}, {}, {} }
  for n, id in ipairs(replaced) do
    local task = tasks[n]
    local counts = task.counts
    for h, value in ipairs({ counts[1], counts[2], counts[3], task.error, task.history, task.cause, task.pause }) do
      if not value or value == '' then
        none[h][#none[h] + 1] = id
      end
    end
  end
  for h, key in ipairs(hashes) do
    delete_fields(none[h], { key })
  end
  delete_members(none[6], { failing_key })
  drop_parked(groups_key, replaced)
  local makes_room = end_leases(replaced, now, due_key, leased_key, leases_key, groups_key)
  makes_room = give_up_turns(groups_key, replaced, now, due_key) or makes_room
  if makes_room then
    earliest = math.min(earliest or now, now)
  end
end
if #arrivals.failing > 0 then
  bound_dead(MOST_FAILING, #arrivals.failing / 2, failing_key, { causes_key })
end
announce(channel_arg, before, earliest)
return remember(reply_key, stamp_arg, digits(earliest or -1) .. ' ' .. table.concat(results))
