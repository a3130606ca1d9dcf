-- Note groups that have parked tasks, so that the next claims go on there: a quota was changed.
-- KEYS: groups
-- ARGV[1] channel: string, where sleeping schedulers listen
-- ARGV[2] after: string, the group after which to go on; '' for the first
-- Returns: string, the group after which to go on; '' after the last
-- Guarantees: atomic; at most 200 groups; a repetition changes nothing more; a note of a group without room is given up by
--   the next claim.

local MOST = 200

local parked, after, notes = groups_key .. 'parked', after_arg, {}
for _ = 1, call('EXISTS', parked) == 1 and MOST or 0 do
  local found = call('ZRANGEBYLEX', parked, after == '' and '-' or '(' .. after .. '\1', '+', 'LIMIT', 0, 1)[1]
  if not found then
    after = ''
    break
  end
  after = group_in(found)
  notes[#notes + 1], notes[#notes + 2] = 0, after
end
if #notes == 0 then
  return ''
end
call('ZADD', groups_key .. 'room', unpack(notes))
redis.pcall('PUBLISH', channel_arg, '0')
return after
