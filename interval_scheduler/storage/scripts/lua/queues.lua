-- List the queues of a namespace.
-- KEYS: queues
-- ARGV[1] most: integer, the most queues
-- Returns: list of strings, the names, in order of their first connection
-- Reads only.
-- Guarantees: changes nothing; O(log N) plus the list, which has 256 names at the most.

return call('ZRANGE', queues_key, '0', tonumber(most_arg) - 1)
