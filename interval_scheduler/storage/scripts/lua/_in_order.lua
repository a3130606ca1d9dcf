-- Functions that replace those of the same name in `_requests.lua`, in the scripts that apply hints.
--
-- The numbers of hints increase. A partition keeps the number of the last hint that was applied to it, without expiry,
-- and the script that applies hints sets this number in the same step. A request names the number that it expects. If
-- another number is stored, another scheduler applies the same hints, or a copy of this request was carried out before:
-- then the script changes nothing.

-- The caller of an assignment had its answer when the hint was kept: nobody hears of a refusal.
local TELLS = false

-- In these scripts the key of the reply holds that number. A stamp has numbers behind what the sender knows: the expected
-- one, and those of the hints in the request.
local function recall_in_epoch(hinted_key, stamp)
  local known, last = match(stamp, '^(%d+:%d+):(%d+) ')
  if (call('GET', hinted_key) or '0') ~= last then
    return redis.error_reply('OUTDATED other hints were applied meanwhile')
  end
  return list_changed(hinted_key, known)
end

-- The reply ends with one character for each hint that was applied: the first ones of the request, if not all of them.
local function remember(hinted_key, stamp, reply)
  local left = #match(reply, '%S*$')
  for number in string.gmatch(match(stamp, ' (.*)$'), '%d+') do
    left = left - 1
    if left == 0 then
      call('SET', hinted_key, number)
    end
  end
  return reply
end
