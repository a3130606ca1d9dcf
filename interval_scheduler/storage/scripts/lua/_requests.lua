-- Functions by which a request is applied once, and refused where its sender knows another membership; the loader puts
-- them after those of `_prelude.lua`.

-- The caller hears of each task that cannot be assigned, which then stays as it is.
local TELLS = true

-- The time for which a reply is kept for a retry of its request, in ms. No sender retries for this long.
local REPLY_KEPT_MS = 600000

-- Find the reply to a request that was carried out before: nil for a new request, an error if a later one of its
-- session was carried out. A session numbers its requests and sends one at a time, so Redis must keep its last reply
-- only. This is RIFL's scheme for exactly-once requests (Lee et al., "Implementing Linearizability at Large Scale and
-- Low Latency", SOSP 2015), with a window of one request. `last` is what the key has, if MGET found a text there already:
-- MGET takes what is no text for nothing.
local function recall(reply_key, sequence, last)
  last = last or redis.pcall('GET', reply_key)
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

-- Name the key of the epoch. Its name follows from any other key of the partition.
local function epoch_beside(key)
  return match(key, '^.-}:') .. 'epoch'
end

-- Make the error for a request whose sender knows another membership than the one here; nil if it is the same. What the
-- sender knows is the text in the key of the epoch: the epoch of the list of partitions, a colon, and when the database
-- became a partition, in µs. If the key is not there, cannot be read or has another birth, the data are lost or the key
-- was changed: the sender has to enroll anew.
local function list_changed(key, known, with_any_list)
  local stored = call('GET', epoch_beside(key))
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
  if not known then
    return recall(reply_key, stamp)
  end
  local last, stored = unpack(call('MGET', reply_key, epoch_beside(reply_key)))
  local reply = recall(reply_key, sequence, last)
  if reply then
    return reply
  elseif stored ~= known then
    return list_changed(reply_key, known, with_any_list)
  end
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

-- Write the results of a request, one character each. If it came to the first of its items only, a slash and the number of
-- all of them stand behind: a repetition may have fewer items, and the caller must know of which attempt these are.
local function results_of(results, items)
  return table.concat(results) .. (#results < items and '/' .. digits(items) or '')
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
