-- Read the progress of the migration in this partition.
-- KEYS: outbox, moves, membership
-- ARGV[1] known: string, the known membership (epoch:born)
-- ARGV[2...] ids: string, those to look for in the outbox
-- Returns: {epoch or nil; the list from which tasks move or nil; the number of tasks that moved from here; the number
--   of tasks listed; 1 if there is an outbox, else 0; for each id 1 (in the outbox) or 0}
-- Reads only.
-- Guarantees: atomic; changes nothing; refused after data were lost, or nothing would seem to move any more.

local lost = list_changed(moves_key, known_arg, true)
if lost then
  return lost
end
local list, moves = call('HMGET', membership_key, 'epoch', 'from'), call('HMGET', moves_key, 'moved', 'looked')
local on_their_way = {}
for n, id in ipairs(arguments(2, 1)) do
  on_their_way[n] = call('HEXISTS', outbox_key, id)
end
return { list[1], list[2], moves[1] or '0', moves[2] or '0', call('EXISTS', outbox_key), on_their_way }
