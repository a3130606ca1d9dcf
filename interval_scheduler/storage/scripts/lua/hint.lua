-- Keep assignments and removals for a partition that cannot be reached.
-- KEYS: reply, fence
-- KEYS order: sorted set, number and id of each hint -> its number
-- KEYS says: hash, number -> code, start, interval, writer and data, in lines
-- KEYS of: hash, id -> number of its latest hint, negative for a removal
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] channel: string, where schedulers listen
-- ARGV[3] partition: string, the name of the partition that cannot be reached
-- ARGV[4] bound: integer, the greatest number of hints that may wait for it
-- ARGV[5] writer: string, the session of the writer with that partition, a blank, and its number there: applied there,
--   the hints outdate all earlier requests of that session
-- ARGV[6...] for each hint five: id: string; code, start, interval and data: as assign.lua takes them; all four '' for
--   a removal
-- Returns: string, for each hint f if there is no room for it; else, judged by earlier hints only: for an assignment
--   1 (new) or 0 (updated), for a removal 1 (was scheduled) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; refused as a whole when Redis
--   is out of memory; numbers increase, unless the server's clock and its last token are both set back; a start as soon
--   as possible becomes the present moment.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local ids = arguments(6, 5)
local room = tonumber(bound_arg) - call('ZCARD', order_key)
local number, now = math.max(tonumber(last_token(fence_key)), now_us() - 1), digits(now_ms())
local is_assigned = {}
for n, latest in ipairs(call('HMGET', of_key, unpack(ids))) do
  is_assigned[ids[n]] = latest and string.sub(latest, 1, 1) ~= '-'
end

local order, says, latest, results = {}, {}, {}, {}
for n, id in ipairs(ids) do
  local at = 5 * n + 1
  local code, start = ARGV[at + 1], ARGV[at + 2]
  if #order >= 2 * room then
    results[n] = 'f'
  else
    number = number + 1
    local name, assigns = digits(number), code ~= ''
    order[#order + 1] = name
    order[#order + 1] = name .. ' ' .. id
    says[#says + 1] = name
    local begin = assigns and start == '' and now or start
    says[#says + 1] = table.concat({ code, begin, ARGV[at + 3], writer_arg, ARGV[at + 4] }, '\n')
    latest[#latest + 1] = id
    latest[#latest + 1] = (assigns and '' or '-') .. name
    local was = is_assigned[id] or false
    results[n] = was ~= assigns and '1' or '0'
    is_assigned[id] = assigns
  end
end

if #order > 0 then
  call('HSET', says_key, unpack(says))
  call('SET', fence_key, digits(number))
  call('HSET', of_key, unpack(latest))
  call('ZADD', order_key, unpack(order))
  if room == tonumber(bound_arg) then -- schedulers that hear of the first hint look until none is left
    redis.pcall('PUBLISH', channel_arg, 'hints ' .. partition_arg)
  end
end
return remember(reply_key, stamp_arg, table.concat(results))
