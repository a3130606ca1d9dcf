-- Read the cards of the schedulers that reported just now, or of some of them.
-- KEYS: seen, cards
-- ARGV[1] within: integer, ms, in which they must have reported
-- ARGV[2] weight: integer, bytes; the cards are no heavier in all, or there is one only
-- ARGV[3...] ids: string, those that are read; none for all, up to 1,000
-- Returns: {now, ms; ids; when each reported last, ms; cards or empty, in the order of the ids, the first ones if they are
--   too heavy}
-- Reads only.
-- Guarantees: atomic; changes nothing; a scheduler that reported in the future, by a clock that went back, is left out.

local MOST = 1000

local now, ids, seen = now_ms(), arguments(3, 1), {}
if #ids > 0 then
  seen = call('ZMSCORE', seen_key, unpack(ids))
else
  local found = call(
    'ZRANGE',
    seen_key,
    digits(now - tonumber(within_arg)),
    digits(now),
    'BYSCORE',
    'LIMIT',
    0,
    MOST,
    'WITHSCORES'
  )
  for n = 1, #found, 2 do
    ids[#ids + 1], seen[#seen + 1] = found[n], found[n + 1]
  end
end
return { now, ids, seen, #ids > 0 and values_within(cards_key, ids, tonumber(weight_arg)) or {} }
