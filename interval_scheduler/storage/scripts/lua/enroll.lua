-- Make the database a partition of the namespace, unless it is one already.
-- KEYS: membership, epoch
-- ARGV[1] schema: string, the version of the layout of the keys
-- ARGV[2] partition: string, the name of this one
-- ARGV[3] list: string, the sorted names of all partitions, with commas between them
-- ARGV[4] master: string, the name of the partition that keeps the locks
-- ARGV[5] epoch: integer, that of the list
-- Returns: {schema; partition; list; master; epoch, '' for epoch 1; from, the list from which tasks move or ''}, as
--   stored
-- Guarantees: atomic; an membership that is stored is never changed.

local fields = { 'schema', 'partition', 'list', 'master', 'epoch', 'from' }
local stored = call('HMGET', membership_key, unpack(fields))
if not stored[1] then
  for n = 1, epoch_arg == '1' and 4 or 5 do
    call('HSET', membership_key, fields[n], ARGV[n])
    stored[n] = ARGV[n]
  end
  if epoch_arg ~= '1' then
    call('SET', epoch_key, epoch_arg)
  end
end
for n = 1, 6 do
  stored[n] = stored[n] or ''
end
return stored
