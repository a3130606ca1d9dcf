-- Tell whether tasks move, and how far that came in this partition.
-- KEYS: outbox, moves, enrollment
-- ARGV[1...] ids: string, those to look for in the outbox
-- Returns: {epoch or nil; the list from which tasks move or nil; how many moved from here; how many were looked at; whether
--   there is an outbox, 1 or 0; for each id 1 (in the outbox) or 0}
-- Guarantees: atomic; changes nothing.

local list, moves = call('HMGET', enrollment_key, 'epoch', 'from'), call('HMGET', moves_key, 'moved', 'looked')
local on_their_way = {}
for n, id in ipairs(ARGV) do
  on_their_way[n] = call('HEXISTS', outbox_key, id)
end
return { list[1], list[2], moves[1] or '0', moves[2] or '0', call('EXISTS', outbox_key), on_their_way }
