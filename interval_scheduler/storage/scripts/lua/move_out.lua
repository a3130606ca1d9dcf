-- Take tasks off the schedule that move to another partition, into the outbox; or return what is in there.
-- KEYS: tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, pauses, fence, outbox, moves
-- ARGV[1] known: string, the known membership (epoch:born), with the epoch of the list for which tasks move
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] destination: string, the name of their new home
-- ARGV[4] most: integer, bytes; when the batch exceeds it, no further task is taken
-- ARGV[5...] ids: string; none to read only the outbox
-- Returns: {number of the batch in the outbox, '0' for none; its destination; the last fencing token; those of the ids
--   that stay for now; the batch: each id with its task behind it}
-- Guarantees: atomic; refused under another membership; nothing is taken while the outbox has a batch; a leased
--   task stays, unless it was put off: it is due at once at its new home; numbers strictly increase; passes when Redis
--   is out of memory.

local changed = list_changed(tasks_key, known_arg)
if changed then
  return changed
end

local ids, left = arguments(5, 1), {}
local function answer()
  local head = call('HMGET', moves_key, 'number', 'to')
  local batch = call('HGETALL', outbox_key)
  return { #batch > 0 and head[1] or '0', head[2] or '', last_token(fence_key), left, batch }
end
if #ids == 0 or call('EXISTS', outbox_key) == 1 then
  left = ids
  return answer()
end

local now = now_ms()
local groups, earliest, before = groups_key, nil, head(due_key)

-- Find the place of a task (w: waiting, p: paused, d: dead), and its moment there. A task that is nowhere is due now.
local function place_of(id, lease)
  if lease then -- it was put off: nobody runs it
    local moment, is_paused = due_again(lease, now)
    return is_paused and 'p' or 'w', moment
  end
  local due = moment_of(call('ZSCORE', due_key, id))
  local overdue, parked = dues_in(groups, 'overdue', { id }), dues_in(groups, 'parked-of', { id })
  if due or parked then
    return 'w', overdue and overdue[id] or due or parked[id] or now
  end
  local paused, died = moment_of(call('ZSCORE', paused_key, id)), moment_of(call('ZSCORE', dead_key, id))
  if paused then
    return 'p', paused
  elseif died then
    return 'd', died
  end
  return 'w', now
end

local taken, batch, size, seen, put_off = {}, {}, 0, {}, {}
for _, id in ipairs(ids) do
  local exists = not seen[id] and call('HEXISTS', tasks_key, id) == 1
  seen[id] = true
  local lease, ends = exists and call('HGET', leases_key, id), exists and call('ZSCORE', leased_key, id)
  if exists and (size > tonumber(most_arg) or (lease or ends) and not is_put_off(ends)) then
    left[#left + 1] = id
  elseif exists then
    local record = call('HGET', tasks_key, id) -- read only if it moves now
    local letter, moment = place_of(id, lease)
    put_off[#put_off + 1] = ends and id or nil
    local words = { letter, digits(moment) }
    for _, key in ipairs({ attempts_key, runs_key, failures_key }) do
      local count = whole(call('HGET', key, id))
      -- '00' is a count of 0 that is kept, since a delivery is not known to have begun; '0' is no count.
      words[#words + 1] = count == 0 and '00' or digits(count or 0)
    end
    local reason = call('HGET', errors_key, id) or ''
    local runs, cause = call('HGET', history_key, id) or '', call('HGET', causes_key, id) or ''
    local pause = letter == 'p' and call('HGET', pauses_key, id) or ''
    words[#words + 1] = digits(#reason)
    if runs .. cause .. pause ~= '' then
      words[#words + 1], words[#words + 2], words[#words + 3] = digits(#runs), digits(#cause), digits(#pause)
      reason = reason .. runs .. cause .. pause
    end
    taken[#taken + 1] = id
    batch[#batch + 1] = id
    batch[#batch + 1] = table.concat(words, ' ') .. '\n' .. reason .. record
    size = size + #batch[#batch]
  end
end

if #taken > 0 then
  local number = math.max((whole(call('HGET', moves_key, 'number')) or 0) + 1, now_us())
  call('HDEL', outbox_key, LONG) -- Redis checks its memory only at the first write, and never for HDEL
  call('HSET', moves_key, 'number', digits(number), 'to', destination_arg)
  call('HSET', outbox_key, unpack(batch))
  if not add(moves_key, 'moved', #taken) then
    call('HSET', moves_key, 'moved', #taken)
  end
  delete_fields(put_off, { leases_key })
  delete_members(put_off, { leased_key })
  delete_members(taken, { due_key, dead_key, paused_key, failing_key })
  drop_parked(groups, taken)
  if give_up_turns(groups, taken, now, due_key) then
    earliest = now
  end
  delete_fields(taken, { attempts_key, errors_key, runs_key, failures_key, history_key, causes_key })
  delete_records(tasks_key, taken)
  announce(channel_arg, before, earliest)
end
return answer()
