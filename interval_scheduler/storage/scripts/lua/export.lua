-- Read tasks with all their state, a step at a time, for a backup.
-- KEYS: tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, causes, pauses, groups, halt
-- ARGV[1] cursor: string, where the step before ended; '0' to begin
-- ARGV[2] count: integer, about how many tasks to read, fewer if they are heavy; 0 to read none
-- ARGV[3] prefix: string, how the ids begin; if it has a whole tag, only the tasks of that tag are read
-- Returns: {cursor, '0' at the end; 1 if the partition is paused, else 0; ids; records; due times of those that wait, ms,
--   else nil; for each other one, in its order, its place: a letter (l: leased, m: leased, and paused afterwards, p:
--   paused, d: dead, w: waiting), a blank and its moment, ms; and each as a list in the order of the ids, or empty: failed
--   deliveries, runs, failed runs, errors of dead ones, histories, moments and errors of failing ones, and who paused them}
-- Reads only.
-- Guarantees: atomic; changes nothing; a task that exists from the first step to the last is read once at least, and twice
--   only if the hash of the tasks shrinks meanwhile.

-- The most tasks of a step while histories are kept, each of which has up to LONGEST_HISTORY bytes.
local WITH_HISTORIES = 100

local wanted, halted = tonumber(count_arg), call('EXISTS', halt_key)
if call('EXISTS', history_key) == 1 then
  wanted = math.min(wanted, WITH_HISTORIES)
end
local cursor, ids, records = '0', {}, {}
if match(prefix_arg, TAGGED) and wanted > 0 then
  local behind
  ids, behind =
    ids_of_tag(tasks_key, prefix_arg, cursor_arg == '0' and '' or string.sub(cursor_arg, 2), wanted)
  if #ids > 0 then
    records = values_within(tasks_key, ids, MOST_SCANNED)
  end
  if #records < #ids then
    ids = { unpack(ids, 1, #records) }
    local before, _, after = match(ids[#ids], TAGGED)
    behind = before .. '{' .. after
  end
  cursor = behind and '=' .. behind or '0'
elseif wanted > 0 then
  cursor = cursor_arg
  local size, looked, length = 0, 0, #prefix_arg
  repeat
    -- As `scan_within`, which leaves the values out: small steps, since HSCAN reads all values of its step.
    local step = math.min(AT_ONCE, wanted - looked)
    if size >= SHORT * looked then
      step = math.min(step, math.max(1, math.floor((MOST_SCANNED - size) / LONGEST)))
    end
    local found = call('HSCAN', tasks_key, cursor, 'COUNT', step)
    cursor, looked = found[1], looked + step
    found = found[2]
    for n = 1, #found, 2 do
      local id, record = found[n], found[n + 1]
      size = size + #record
      if length == 0 or string.sub(id, 1, length) == prefix_arg then
        ids[#ids + 1] = id
        records[#records + 1] = record
      end
    end
  until cursor == '0' or looked >= wanted or size >= MOST_SCANNED
end
if #ids == 0 then
  return { cursor, halted, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {} }
end

local now = now_ms()
local dues = call('ZMSCORE', due_key, unpack(ids))
for id, due in pairs(dues_in(groups_key, 'overdue', ids) or {}) do
  for n = 1, #ids do -- few tasks had to wait for room in their group
    if ids[n] == id and dues[n] then
      dues[n] = digits(due)
    end
  end
end
local elsewhere = {}
for n = 1, #ids do
  if not dues[n] then
    elsewhere[#elsewhere + 1] = ids[n]
  end
end
local places = {}
if #elsewhere > 0 then
  local leases, ends = call('HMGET', leases_key, unpack(elsewhere)), call('ZMSCORE', leased_key, unpack(elsewhere))
  local pauses, died = call('ZMSCORE', paused_key, unpack(elsewhere)), call('ZMSCORE', dead_key, unpack(elsewhere))
  local parked = dues_in(groups_key, 'parked-of', elsewhere) or {}
  for n, id in ipairs(elsewhere) do
    local letter, moment = 'w', parked[id] or now
    if leases[n] then
      local is_paused
      moment, is_paused = due_again(leases[n], now)
      letter = is_paused and 'm' or 'l'
      if is_put_off(ends[n]) then -- nobody runs it
        letter = is_paused and 'p' or 'w'
      elseif not match(leases[n], ' s%d') then
        local _, due = read_lease(leases[n])
        moment = moment_of(due) or now
      end
    elseif pauses[n] then
      letter, moment = 'p', moment_of(pauses[n])
    elseif died[n] then
      letter, moment = 'd', moment_of(died[n])
    end
    places[n] = letter .. ' ' .. digits(moment)
  end
end
local histories = {}
while #histories < #ids and (#histories > 0 or call('EXISTS', history_key) == 1) do
  local some = values_within(history_key, { unpack(ids, #histories + 1) }, MOST_READ)
  for n = 1, #some do
    histories[#histories + 1] = some[n]
  end
end
return {
  cursor,
  halted,
  ids,
  records,
  dues,
  places,
  extras_of(attempts_key, ids),
  extras_of(runs_key, ids),
  extras_of(failures_key, ids),
  extras_of(errors_key, ids),
  histories,
  extras_of(causes_key, ids),
  extras_of(pauses_key, ids),
}
