-- Note that all tasks have moved.
-- KEYS: enrollment, epoch
-- ARGV[1] epoch: integer, that of the list for which they moved
-- Returns: string, 1 if that was not known yet, else 0
-- Guarantees: atomic; refused under another list of partitions; a repetition changes nothing; passes when Redis is out of
--   memory.

return list_changed(epoch_key, epoch_arg) or digits(call('HDEL', enrollment_key, 'from'))
