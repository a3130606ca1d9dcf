-- Count the tasks and those due now, and find the last due time.
-- KEYS[1] due: id -> due, ms
-- KEYS[2] leased: id -> lease deadline, ms
-- KEYS[3] paused: id -> due, ms
-- KEYS[4] groups: prefix of the keys of groups (see _groups.lua)
-- Returns: {number of tasks; number due now, those with an ended lease included; last due time, ms, or -1}
-- Guarantees: atomic; changes nothing; O(log N).

local now, parked = digits(now_ms()), call('ZCARD', KEYS[4] .. 'parked')
return {
  call('ZCARD', KEYS[1]) + call('ZCARD', KEYS[2]) + call('ZCARD', KEYS[3]) + parked,
  call('ZCOUNT', KEYS[1], '-inf', now) + call('ZCOUNT', KEYS[2], '-inf', now) + parked,
  tonumber(call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or -1),
}
