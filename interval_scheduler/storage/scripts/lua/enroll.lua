-- Make the database a partition of the namespace, unless it is one already.
-- KEYS: membership, epoch
-- ARGV[1] schema: string, the version of the layout of the keys
-- ARGV[2] partition: string, the name of this one
-- ARGV[3] list: string, the sorted names of all partitions, with commas between them
-- ARGV[4] master: string, the name of the partition that keeps the locks
-- ARGV[5] epoch: integer, that of the list
-- ARGV[6] from: string, the list from which tasks have to move, or ''
-- ARGV[7] known: integer, when the database became a partition as far as the sender knows, µs; or ''
-- Returns: {schema; partition; list; master; epoch, '' for epoch 1; from, the list from which tasks move or ''; born,
--   when it became a partition, µs; lost, when a loss was noticed, ms, '0' after it was acknowledged, or ''}, as stored
-- Guarantees: atomic; a membership that is stored is not changed, but born is written where it cannot be read, and lost
--   for the first sender that knows another born; the key of the epoch is right afterwards.

local fields = { 'schema', 'partition', 'list', 'master', 'epoch', 'from', 'born', 'lost' }
local stored = call('HMGET', membership_key, unpack(fields))
local known = whole(known_arg) and known_arg
local born = born_of(stored[7], epoch_key) or stored[1] and known or digits(now_us())

local written = {}
local function write(n, value)
  written[#written + 1], written[#written + 2] = fields[n], value
  stored[n] = value
end
if not stored[1] then
  for n = 1, 4 do
    write(n, ARGV[n])
  end
  if epoch_arg ~= '1' then
    write(5, epoch_arg)
  end
  if from_arg ~= '' then
    write(6, from_arg)
  end
end
if stored[7] ~= born then
  write(7, born)
end
if known and known ~= born and not stored[8] then
  write(8, digits(now_ms()))
end
if #written > 0 then
  call('HSET', membership_key, unpack(written))
end
if whole(stored[5] or '1') then
  write_epoch(epoch_key, stored[5] or '1', born)
end
for n = 1, 8 do
  stored[n] = stored[n] or ''
end
return stored
