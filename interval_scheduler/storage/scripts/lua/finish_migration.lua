-- Store that all tasks have moved.
-- KEYS: membership, epoch
-- ARGV[1] epoch: integer, the epoch of the list for which they moved
-- Returns: string, 1 if that was not stored before, else 0
-- Guarantees: atomic; refused under another list of partitions; a repetition changes nothing; passes when Redis is out
--   of memory.

return list_changed(epoch_key, epoch_arg) or digits(call('HDEL', membership_key, 'from'))
