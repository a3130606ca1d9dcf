-- Count the tasks and those due now, and find the last due time.
-- KEYS: due, leased, paused, groups
-- Returns: {number of tasks; number due now, those with an ended lease included; last due time, ms, or -1}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(log N).

local now, parked = digits(now_ms()), call('ZCARD', groups_key .. 'parked')
return {
  call('ZCARD', due_key) + call('ZCARD', leased_key) + call('ZCARD', paused_key) + parked,
  call('ZCOUNT', due_key, '-inf', now) + call('ZCOUNT', leased_key, '-inf', now) + parked,
  moment_of(call('ZRANGE', due_key, -1, -1, 'WITHSCORES')[2]) or -1,
}
