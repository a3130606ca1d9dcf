-- Enter a queue into the list of its namespace if it may be, and list the queues.
-- KEYS: queues, membership
-- ARGV[1] name: string, the queue to enter
-- ARGV[2] most: integer, the most queues
-- ARGV[3] list: string, the list of partitions that the new queue will have
-- Returns: list of strings, the names, in order of their first connection; without a new one if there are so many
--   already, or if the namespace has another list of partitions
-- Guarantees: atomic; a queue stays in the list; a repetition changes nothing.

if not call('ZSCORE', queues_key, name_arg) and call('ZCARD', queues_key) < tonumber(most_arg) then
  local list = call('HGET', membership_key, 'list')
  if not list or list == list_arg then
    call('ZADD', queues_key, now_ms(), name_arg)
  end
end
return call('ZRANGE', queues_key, '0', tonumber(most_arg) - 1)
