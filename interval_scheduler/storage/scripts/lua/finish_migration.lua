-- Store that all tasks have moved.
-- KEYS: membership, epoch
-- ARGV[1] known: string, the known membership (epoch:born), with the epoch of the list for which they moved
-- Returns: string, 1 if that was not stored before, else 0
-- Guarantees: atomic; refused under another membership; a repetition changes nothing; passes when Redis is out
--   of memory.

return list_changed(epoch_key, known_arg) or digits(call('HDEL', membership_key, 'from'))
