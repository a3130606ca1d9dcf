-- Tell the state of a partition in numbers.
-- KEYS: due, leased, paused, dead, failing, halt, moves, membership, groups
-- Returns: {server time, ms; waiting tasks, parked ones included; leased; paused; dead; failing; due now, those with an
--   ended lease included; parked; the earliest due time that has come, ms, or -1; the next that is to come, ms, or -1; what
--   stands in the key of the pause, or false; the list from which tasks move, or ''; the number of tasks that moved from here;
--   the number of tasks listed for that; the rate of the namespace, or ''}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(log N).

local now, parked = digits(now_ms()), call('ZCARD', groups_key .. 'parked')
local due = call('ZCOUNT', due_key, '-inf', now)
local moves = call('HMGET', moves_key, 'moved', 'looked')
local function due_at(rank)
  return moment_of(call('ZRANGE', due_key, rank, rank, 'WITHSCORES')[2]) or -1
end
return {
  now,
  call('ZCARD', due_key) + parked,
  call('ZCARD', leased_key),
  call('ZCARD', paused_key),
  call('ZCARD', dead_key),
  call('ZCARD', failing_key),
  due + call('ZCOUNT', leased_key, '-inf', now) + parked,
  parked,
  due > 0 and due_at(0) or -1,
  due_at(due),
  call('GET', halt_key),
  call('HGET', membership_key, 'from') or '',
  whole(moves[1]) or 0,
  whole(moves[2]) or 0,
  call('HGET', groups_key .. 'quota', 'rate') or '',
}
