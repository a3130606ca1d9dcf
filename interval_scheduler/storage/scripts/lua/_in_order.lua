-- Functions that take the place of those of the same name in `_prelude.lua`, in the scripts that apply hints.
--
-- Hints have numbers that grow. A partition keeps the number of the last one that was applied to it, for ever, and the
-- script that applies some sets it in the same step. What is sent says which one it believes to be the last: if that is not so,
-- another scheduler applies the same hints, or a copy of this request was carried out before, and nothing happens.

-- Here the place of a session's last reply is that number, and a stamp has two behind the epoch: the last one, and that of
-- the last hint of the request.
local function recall_in_epoch(hinted_key, stamp)
  local epoch, last = match(stamp, '^(%d+):(%d+) ')
  if (call('GET', hinted_key) or '0') ~= last then
    return redis.error_reply('OUTDATED other hints were applied meanwhile')
  end
  return list_changed(hinted_key, epoch)
end

local function remember(hinted_key, stamp, reply)
  call('SET', hinted_key, match(stamp, '%d+$'))
  return reply
end

