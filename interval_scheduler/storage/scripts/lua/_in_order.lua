-- Functions that replace those of the same name in `_requests.lua`, in the scripts that apply hints.
--
-- The numbers of hints increase. A partition keeps the number of the last hint that was applied to it, without expiry,
-- and the script that applies hints sets this number in the same step. A request names the number that it expects. If
-- another number is stored, another scheduler applies the same hints, or a copy of this request was carried out before:
-- then the script changes nothing.

-- The caller of an assignment had its answer when the hint was kept: nobody hears of a refusal.
local TELLS = false

-- The key of the reply of the session of a hint's writer, and the number of the last request of that session here.
local function writer_of(hinted_key, stamp)
  local session, first, latest = match(stamp, ' (%x+) (%d+) (%d+)$')
  local key = match(hinted_key, '^.-}:') .. 'reply:' .. session
  local last = redis.pcall('GET', key)
  return key, type(last) == 'string' and whole(match(last, '^%d+')) or 0, tonumber(first), latest
end

-- In these scripts the key of the reply holds that number. A stamp has behind what the sender knows: the expected number,
-- the number of the last hint in the request, and of the writer of the hints its session, and the numbers of the first
-- and of the last hint there. If the writer has sent a later request since then, a hint came too late: the script changes
-- nothing, and replies '!' and the number of that request, so that its caller leaves out the hints before it.
local function recall_in_epoch(hinted_key, stamp)
  local known, last = match(stamp, '^(%d+:%d+):(%d+) ')
  if (call('GET', hinted_key) or '0') ~= last then
    return redis.error_reply('OUTDATED other hints were applied meanwhile')
  end
  local changed = list_changed(hinted_key, known)
  if changed then
    return changed
  end
  local _, done, first = writer_of(hinted_key, stamp)
  if done > first then
    return '!' .. digits(done)
  end
end

-- The number of the writer is kept as if its request had come here: copies of its earlier requests are refused.
local function remember(hinted_key, stamp, reply)
  local key, _, _, latest = writer_of(hinted_key, stamp)
  call('SET', hinted_key, match(stamp, ':%d+ (%d+) '))
  redis.pcall('SET', key, latest .. ' ', 'PX', REPLY_KEPT_MS)
  return reply
end
