-- Read the number of the last hint that was applied to this partition.
-- KEYS: hinted
-- Returns: string, that number, 0 for none
-- Reads only.
-- Guarantees: changes nothing; O(1).

return call('GET', hinted_key) or '0'
