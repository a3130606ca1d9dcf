-- Add what a scheduler counted to the records of this minute and of these ten, and renew its card.
-- KEYS: reply, counts, seen, cards
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] channel: string, where those listen who watch runs
-- ARGV[3] scheduler: string, the id of its card; '' for none
-- ARGV[4] card: string, what it tells of itself; '' if it is gone
-- ARGV[5...] for each count two: its name: string; by how much it grew: integer
-- Returns: string, how many watch runs
-- Guarantees: atomic; refused if the data are lost; applied once per request, for as long as a record of a minute is kept;
--   the server's time decides to which records it belongs; cards of schedulers that have not reported for a minute go, and
--   the oldest beyond 1,000; passes when Redis is out of memory; a count that cannot be read begins anew.

local MINUTE = 60000
-- The records: what stands before their number in their key, the length of their time, and how long they are kept, ms.
local RECORDS = {
  { 'm:', MINUTE, 182 * MINUTE },
  { 't:', 10 * MINUTE, 8 * 1440 * MINUTE + 20 * MINUTE },
}
local MOST_CARDS, AT_ONCE = 1000, 50

local done = recall_in_database(reply_key, stamp_arg)
if done then
  return done
end

-- Whatever is of another type is met before the first write.
local now, records = now_ms(), {}
for n, record in ipairs(#ARGV > 4 and RECORDS or {}) do
  records[n] = counts_key .. record[1] .. digits(math.floor(now / record[2]))
  call('HEXISTS', records[n], '')
end
local gone = {}
if scheduler_arg ~= '' then
  call('HEXISTS', cards_key, '')
  gone = call('ZRANGE', seen_key, '-inf', digits(now - MINUTE), 'BYSCORE', 'LIMIT', 0, AT_ONCE)
  local over = call('ZCARD', seen_key) - MOST_CARDS
  if #gone == 0 and over > 0 then
    gone = call('ZRANGE', seen_key, 0, math.min(over, AT_ONCE) - 1)
  end
  for n = #gone, 1, -1 do
    if gone[n] == scheduler_arg then -- it was away, and is back
      table.remove(gone, n)
    end
  end
  if card_arg == '' then
    gone[#gone + 1] = scheduler_arg
  end
end

pass_when_full(reply_key)
for n, key in ipairs(records) do
  for at = 5, #ARGV, 2 do
    if not add(key, ARGV[at], ARGV[at + 1]) then
      call('HSET', key, ARGV[at], ARGV[at + 1])
    end
  end
  call('PEXPIRE', key, RECORDS[n][3])
end
if scheduler_arg ~= '' and card_arg ~= '' then
  call('ZADD', seen_key, digits(now), scheduler_arg)
  call('HSET', cards_key, scheduler_arg, card_arg)
end
if #gone > 0 then
  call('ZREM', seen_key, unpack(gone))
  call('HDEL', cards_key, unpack(gone))
end
-- A message without content asks how many listen. Without the right to publish, nobody does.
local heard = redis.pcall('PUBLISH', channel_arg, '')
local reply = remember(reply_key, stamp_arg, type(heard) == 'number' and digits(heard) or '0')
call('PEXPIRE', reply_key, RECORDS[1][3])
return reply
