-- Delete the batch in the outbox: it has arrived.
-- KEYS: outbox, moves
-- ARGV[1] known: string, the known membership (epoch:born), with the epoch of the list for which tasks move
-- ARGV[2] number: integer, of the batch
-- Returns: string, 1 if the batch was there, else 0
-- Guarantees: atomic; refused under another membership; another batch stays; passes when Redis is out of
--   memory.

local changed = list_changed(outbox_key, known_arg)
if changed then
  return changed
end
if call('HGET', moves_key, 'number') ~= number_arg then
  return '0'
end
return digits(call('UNLINK', outbox_key))
