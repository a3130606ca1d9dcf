-- Count the tasks, and those due now.
-- KEYS[1] due: id -> due, ms
-- KEYS[2] leased: id -> lease deadline, ms
-- Returns: {number of tasks; number due now, those with an ended lease included}
-- Guarantees: atomic; changes nothing; O(log N).

local now = digits(now_ms())
return {
  call('ZCARD', KEYS[1]) + call('ZCARD', KEYS[2]),
  call('ZCOUNT', KEYS[1], '-inf', now) + call('ZCOUNT', KEYS[2], '-inf', now),
}
