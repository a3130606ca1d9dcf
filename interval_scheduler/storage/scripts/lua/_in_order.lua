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
  local key = match(hinted_key, '^.-}:') .. 'reply:' .. match(stamp, ' (%x+) ')
  local last = redis.pcall('GET', key)
  return key, type(last) == 'string' and whole(match(last, '^%d+')) or 0
end

-- In these scripts the key of the reply holds that number. A stamp has behind what the sender knows: the expected number;
-- the session of the writer of the hints; and for each hint its number, a colon, and its number in that session. If the
-- writer has sent a later request since then, a hint came too late: the script changes nothing, and replies '!' and the
-- number of that request, so that its caller leaves out the hints before it.
local function recall_in_epoch(hinted_key, stamp)
  local known, last = match(stamp, '^(%d+:%d+):(%d+) ')
  if (call('GET', hinted_key) or '0') ~= last then
    return redis.error_reply('OUTDATED other hints were applied meanwhile')
  end
  local changed = list_changed(hinted_key, known)
  if changed then
    return changed
  end
  local _, done = writer_of(hinted_key, stamp)
  if done > tonumber(match(stamp, ' %d+:(%d+)')) then
    return '!' .. digits(done)
  end
end

-- The reply ends with one character for each hint that was applied: the first ones of the request, if not all of them.
-- The number of the writer is kept as if its request had come here: copies of its earlier requests are refused.
local function remember(hinted_key, stamp, reply)
  local key, left = writer_of(hinted_key, stamp), #match(match(reply, '%S*$'), '^[^/]*')
  for number, sequence in string.gmatch(stamp, ' (%d+):(%d+)') do
    left = left - 1
    if left == 0 then
      call('SET', hinted_key, number)
      redis.pcall('SET', key, sequence .. ' ', 'PX', REPLY_KEPT_MS)
    end
  end
  return reply
end
