-- Make the database a partition of the namespace, unless it is one already.
-- KEYS[1] partitions: the namespace's metadata in this database
-- ARGV[1] schema: string, the version of the layout of the keys
-- ARGV[2] partition: string, the name of this one
-- ARGV[3] list: string, the sorted names of all partitions, by commas
-- ARGV[4] master: string, the name of the partition that keeps the locks
-- Returns: {schema; partition; list; master}, as stored
-- Guarantees: atomic; what is stored already is never changed.

local stored = call('HMGET', KEYS[1], 'schema', 'partition', 'list', 'master')
if not stored[1] then
  call('HSET', KEYS[1], 'schema', ARGV[1], 'partition', ARGV[2], 'list', ARGV[3], 'master', ARGV[4])
  stored = { ARGV[1], ARGV[2], ARGV[3], ARGV[4] }
end
return stored
