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

-- Read the newest entries. A script does it before its first write: so it changes nothing where the key is of another
-- type.
local function newest_actions(actions_key, most)
  return call('ZRANGE', actions_key, -(most or NEWEST), -1, 'WITHSCORES')
end

-- Read a note from five arguments: the name of the call ('' for no note), the name of this very call or '', who, details,
-- and a prefix or ''. nil for no note.
local function read_note(first)
  if ARGV[first] == '' then
    return nil
  end
  local prefix = ARGV[first + 4]
  return {
    kind = ARGV[first],
    its_call = ARGV[first + 1] ~= '' and ARGV[first + 1] or '-',
    who = ARGV[first + 2],
    details = ARGV[first + 3],
    target = prefix ~= '' and 'p' .. prefix or nil,
    prefix = prefix,
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

-- Write who paused something, when and why.
local function pause_text(who, reason, now)
  return digits(now) .. ' ' .. who .. '\n' .. reason
end

-- Count a step on a task.
local function count_step(note, id)
  if note then
    note.count = (note.count or 0) + 1
    if note.prefix == '' then
      note.target = (not note.target or note.target == 'i' .. id) and 'i' .. id or ''
    end
  end
end

-- Read an entry; nil if it cannot be read.
local function read_action(text)
  local began, count, kind, its_call, who, details, target =
    match(text, '^%d+ (%d+) %d+ (%d+) (%S+) (%S+)\n([^\n]*)\n([^\n]*)\n(.*)$')
  began, count = whole(began), whole(count)
  if began and count then
    return {
      text = text,
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

-- Write what was done into the log: the notes that have a count. `newest` are the newest entries, as they were read
-- before. With `sets`, a count takes the place of a smaller one of the same call, and is not added.
local function note_actions(actions_key, newest, notes, now, sets)
  local number, entries, unreadable = nil, {}, {}
  for at = #newest - 1, 1, -2 do
    local score, entry = whole(newest[at + 1]), read_action(newest[at])
    number = number or score
    if score and entry then
      entry.number = score
      entries[#entries + 1] = entry
    elseif not score then
      unreadable[#unreadable + 1] = newest[at]
    end
  end
  number = number or 0
  local is_noted = false
  for _, note in ipairs(notes) do
    if note.count then
      local same
      for n, entry in ipairs(entries) do
        same = same or is_same_action(entry, note, now, n == 1) and entry
      end
      local entry = { kind = note.kind, its_call = note.its_call, who = note.who, details = note.details }
      entry.began, entry.count, entry.target = now, note.count, note.target or ''
      if same then
        entry.number, entry.began = same.number, same.began
        entry.count = sets and math.max(same.count, note.count) or same.count + note.count
        entry.target = same.target == entry.target and same.target or ''
      else
        number = number + 1
        entry.number = number
      end
      local numbers = format('%d %d %d %d', entry.number, entry.began, now, entry.count)
      local words = table.concat({ numbers, entry.kind, entry.its_call }, ' ')
      entry.text = table.concat({ words, entry.who, entry.details, entry.target }, '\n')
      call('ZADD', actions_key, digits(entry.number), entry.text)
      if not same then
        entries = { entry, unpack(entries, 1, NEWEST - 1) }
      elseif same.text ~= entry.text then
        call('ZREM', actions_key, same.text)
        same.text, same.count, same.target = entry.text, entry.count, entry.target
      end
      is_noted = true
    end
  end
  if is_noted then
    if #unreadable > 0 then
      call('ZREM', actions_key, unpack(unreadable))
    end
    call('ZREMRANGEBYRANK', actions_key, 0, -MOST_ACTIONS - 1)
  end
end
