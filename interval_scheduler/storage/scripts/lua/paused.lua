-- Read when the partition was paused, by whom and why.
-- KEYS: halt
-- Returns: string, the content of the key; '' while the partition is not paused
-- Reads only.
-- Guarantees: atomic; changes nothing; O(1).

return call('GET', halt_key) or ''
