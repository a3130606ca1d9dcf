-- Read all quotas: the rate of the namespace, those of groups, and the bounds of groups.
-- KEYS: groups
-- Returns: {revision, 0 if none was ever set; rate or ''; groups and their rates, one after the other; groups and their
--   bounds, one after the other}
-- Reads only.
-- Guarantees: changes nothing; there are 1,000 of each at the most.

local revision = call('GET', groups_key .. 'revision')
return {
  whole(revision) and revision or '0',
  call('HGET', groups_key .. 'quota', 'rate') or '',
  call('HGETALL', groups_key .. 'rates'),
  call('HGETALL', groups_key .. 'caps'),
}
