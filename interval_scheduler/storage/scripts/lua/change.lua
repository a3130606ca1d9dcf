-- Let a partition have another list, or be one of that list.
-- KEYS[1] partitions: the namespace's metadata in this database
-- KEYS[2] epoch: that of the list that holds here
-- KEYS[3] moves: what is known of tasks that move
-- KEYS[4] halt: there while the namespace is paused
-- KEYS[5...] order: number and id of each hint that waits for another partition -> its number; where the change begins
-- ARGV[1] epoch: integer, that of the new list
-- ARGV[2] expected: integer, the epoch that must hold so far; '' for any smaller one
-- ARGV[3] schema: string, the version of the layout of the keys
-- ARGV[4] partition: string, the name of this one
-- ARGV[5] list: string, the sorted names of all partitions, by commas
-- ARGV[6] master: string, the name of the partition that keeps the locks
-- ARGV[7] from: string, the list from which tasks have to move
-- ARGV[8] paused: 1 if the namespace is paused, else 0
-- ARGV[9] channel: string, where sleeping schedulers listen
-- Returns: {schema; partition; list; master; epoch; from; 1 if the partition is paused, else 0}, as they are then
--   or the error HINTSWAIT
-- Guarantees: atomic; refused while one of the hints waits; a list with the same epoch or a greater one is never changed, so that a repetition changes nothing.

local fields = { 'schema', 'partition', 'list', 'master', 'epoch', 'from' }
local stored = call('HMGET', KEYS[1], unpack(fields))
local epoch = stored[1] and tonumber(stored[5] or '1') or 0
if epoch < tonumber(ARGV[1]) and (ARGV[2] == '' or epoch == tonumber(ARGV[2])) then
  for n = 5, #KEYS do
    if call('EXISTS', KEYS[n]) == 1 then
      return redis.error_reply('HINTSWAIT hints are to be applied before that')
    end
  end
  call('SET', KEYS[2], ARGV[1])
  local values = { ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[1], ARGV[7] }
  for n, field in ipairs(fields) do
    call('HSET', KEYS[1], field, values[n])
  end
  call('HDEL', KEYS[3], 'moved', 'looked')
  if ARGV[8] == '1' then
    call('SET', KEYS[4], digits(now_ms()))
  end
  redis.pcall('PUBLISH', ARGV[9], '0')
  stored = values
end
for n = 1, 6 do
  stored[n] = stored[n] or ''
end
stored[7] = digits(call('EXISTS', KEYS[4]))
return stored
