-- Functions for the log of actions: who steered what, when and why. The loader puts them after those of `_bytes.lua`.
--
-- The sorted set `actions` has the last 10,000 entries, each with its number as its score. The numbers are counted up, so
-- that a page begins where the one before ended, whatever comes meanwhile. An entry is a text: its number, when it began
-- and when its last step was, both in ms, the number of steps, the name of the call, and the name of this very call if it
-- takes several requests, else '-', with blanks between; then, each behind a line break, who it was, details, and the
-- target: 'i' and the id of the one task, 'p' and a prefix, or nothing. Neither who nor details have a line break.
--
-- A step goes to an entry that is there if it is one of the newest, and of the same call; or if it is the newest, of the
-- same kind, by the same one, with the same details, and began within the last second. So many tasks are one entry.

-- The most entries; how many of the newest may take a further step; and for how long after its beginning, in ms.
local MOST_ACTIONS, NEWEST, TOGETHER = 10000, 4, 1000

-- Read a note from five arguments: the name of the call ('' for no note), the name of this very call or '', who, details,
-- and a prefix or ''. nil for no note.
local function read_note(first)
  if ARGV[first] == '' then
    return nil
  end
  return {
    kind = ARGV[first],
    its_call = ARGV[first + 1] ~= '' and ARGV[first + 1] or '-',
    who = ARGV[first + 2],
    details = ARGV[first + 3],
    prefix = ARGV[first + 4],
    count = nil,
    id = nil,
    are_several = false,
  }
end

-- Read some notes of a request, one behind the other. Returns them, and the place behind them.
local function read_notes(first, count)
  local notes = {}
  for n = 1, count do
    notes[n] = read_note(first + 5 * (n - 1))
  end
  return notes, first + 5 * count
end

-- Read the newest entries, the newest last: as many as may be those of some notes. A script does it before its first
-- write: so it changes nothing where the key is of another type.
local function newest_actions(actions_key, notes, most)
  local may_go_on = most
  for _, note in ipairs(notes) do
    may_go_on = may_go_on or note.its_call ~= '-' and NEWEST
  end
  return notes[1] and call('ZRANGE', actions_key, -(may_go_on or 1), -1) or {}
end

-- Write who paused something, when and why.
local function pause_text(who, reason, now)
  return digits(now) .. ' ' .. who .. '\n' .. reason
end

-- Count a step on a task.
local function count_step(note, id)
  note.count = (note.count or 0) + 1
  note.are_several = note.are_several or (note.id or id) ~= id
  note.id = id
end

-- Read an entry; nil if it cannot be read.
local function read_action(text)
  local number, began, count, kind, its_call, who, details, target =
    match(text, '^(%d+) (%d+) %d+ (%d+) (%S+) (%S+)\n([^\n]*)\n([^\n]*)\n(.*)$')
  number, began, count = whole(number), whole(began), whole(count)
  if number and began and count then
    return {
      text = text,
      number = number,
      began = began,
      count = count,
      kind = kind,
      its_call = its_call,
      who = who,
      details = details,
      target = target,
    }
  end
end

-- Tell if further steps belong to an entry.
local function is_same_action(entry, note, now, is_newest)
  return entry.its_call == note.its_call
    and entry.kind == note.kind
    and entry.who == note.who
    and entry.details == note.details
    and (entry.its_call ~= '-' or is_newest and math.abs(now - entry.began) < TOGETHER)
end

-- Return the entry that a step belongs to; nil if it is to have one of its own.
local function entry_of(entries, note, now)
  for n, entry in ipairs(entries) do
    if is_same_action(entry, note, now, n == 1) then
      return entry
    end
  end
end

-- Write what was done into the log: the notes that have a count. `newest` are the newest entries, as they were read
-- before. With `sets`, a count takes the place of a smaller one of the same call, and is not added; one that is not
-- greater changes nothing, since it was told before.
local function note_actions(actions_key, newest, notes, now, sets)
  local entries, gone, is_longer = {}, {}, false
  if newest[1] and not read_action(newest[#newest]) then
    newest = call('ZRANGE', actions_key, -100, -1) -- somebody else wrote it: drop it, and others like it
  end
  for at = #newest, 1, -1 do
    local entry = read_action(newest[at])
    if entry then
      entries[#entries + 1] = entry
    else
      gone[#gone + 1] = newest[at]
    end
  end
  for _, note in ipairs(notes) do
    local same = note.count and entry_of(entries, note, now)
    if note.count and not (sets and same and note.count <= same.count) then
      local entry = same
      local target = note.prefix ~= '' and 'p' .. note.prefix or note.id and not note.are_several and 'i' .. note.id or ''
      if same then
        entry.count = sets and note.count or same.count + note.count
        entry.target = same.target == target and target or ''
      else
        entry = { number = (entries[1] and entries[1].number or 0) + 1, began = now, count = note.count, target = target }
        entry.kind, entry.its_call, entry.who, entry.details = note.kind, note.its_call, note.who, note.details
        entries = { entry, unpack(entries, 1, NEWEST - 1) }
        is_longer = true
      end
      local numbers = format('%d %d %d %d ', entry.number, entry.began, now, entry.count)
      local words = entry.kind .. ' ' .. entry.its_call .. '\n'
      local text = numbers .. words .. entry.who .. '\n' .. entry.details .. '\n' .. entry.target
      call('ZADD', actions_key, digits(entry.number), text)
      if same and same.text ~= text then
        gone[#gone + 1] = same.text
      end
      entry.text = text
    end
  end
  if #gone > 0 then
    call('ZREM', actions_key, unpack(gone))
  end
  if is_longer then
    call('ZREMRANGEBYRANK', actions_key, 0, -MOST_ACTIONS - 1)
  end
end
