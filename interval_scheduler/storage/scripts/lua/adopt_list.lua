-- Give a partition another list of partitions, in which it may be new.
-- KEYS: halt, moves, membership, epoch
-- KEYS... order: sorted set, one for each partition for which no hint may wait: number and id of a hint -> its number
-- ARGV[1] epoch: integer, that of the new list
-- ARGV[2] expected: integer, the epoch that must hold so far; '' for any smaller one
-- ARGV[3] schema: string, the version of the layout of the keys
-- ARGV[4] partition: string, the name of this one
-- ARGV[5] list: string, the sorted names of all partitions, with commas between them
-- ARGV[6] master: string, the name of the partition that keeps the locks
-- ARGV[7] from: string, the list from which tasks have to move
-- ARGV[8] paused: string, since when the namespace is paused, by whom and why, as in the key of another partition; '' if it
--   is not
-- ARGV[9] channel: string, where sleeping schedulers listen
-- Returns: {schema; partition; list; master; epoch; from; since when the partition is paused, by whom and why, or
--   ''}, as they are then; or the error HINTSWAIT
-- Guarantees: atomic; refused while one of these hints waits; a list with the same epoch or a greater one is never
--   changed, so that a repetition changes nothing.

local fields = { 'schema', 'partition', 'list', 'master', 'epoch', 'from' }
local stored = call('HMGET', membership_key, unpack(fields))
local epoch = stored[1] and whole(stored[5] or '1') or 0
if stored[1] and stored[5] and not whole(stored[5]) then
  return corrupt(membership_key, 'has no readable epoch')
end
if epoch < tonumber(epoch_arg) and (expected_arg == '' or epoch == tonumber(expected_arg)) then
  for _, key in ipairs(order_keys) do
    if call('EXISTS', key) == 1 then
      return redis.error_reply('HINTSWAIT hints are to be applied before that')
    end
  end
  local born = born_of(call('HGET', membership_key, 'born'), epoch_key) or digits(now_us())
  write_epoch(epoch_key, epoch_arg, born)
  local values = { schema_arg, partition_arg, list_arg, master_arg, epoch_arg, from_arg }
  for n, field in ipairs(fields) do
    call('HSET', membership_key, field, values[n])
  end
  call('HSET', membership_key, 'born', born)
  call('HDEL', moves_key, 'moved', 'looked')
  if paused_arg ~= '' then
    call('SET', halt_key, paused_arg)
  end
  redis.pcall('PUBLISH', channel_arg, '0')
  stored = values
end
for n = 1, 6 do
  stored[n] = stored[n] or ''
end
local halted = redis.pcall('GET', halt_key)
if type(halted) == 'table' then -- of another type, which pauses it too: people have to look at it
  halted = digits(now_ms())
end
stored[7] = halted or ''
return stored
