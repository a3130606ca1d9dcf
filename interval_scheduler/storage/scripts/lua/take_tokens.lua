-- Take tokens of the rate of the namespace on the master, for claims on any partition.
-- KEYS: reply, groups
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] wanted: integer, how many at most
-- ARGV[3] back: integer, how many that were taken before are put back unused
-- Returns: string, how many were taken; a blank; and after how many ms there are some, 0 if these are all that is wanted
-- Guarantees: atomic; refused under another membership; applied once per request; without a rate, all are granted; passes
--   when Redis is out of memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

pass_when_full(reply_key)
local now, wanted, quotas = now_ms(), tonumber(wanted_arg), quota_functions()
local kept = call('HMGET', groups_key .. 'quota', 'rate', 'bucket')
local rate = quotas.rate_of(kept[1])
if not rate then
  return remember(reply_key, stamp_arg, digits(wanted) .. ' 0')
end
local bucket = quotas.bucket_of(rate, kept[2], now)
quotas.spend(bucket, -tonumber(back_arg))
local taken = math.min(wanted, quotas.tokens_in(bucket))
quotas.spend(bucket, taken)
if bucket.is_changed then
  call('HSET', groups_key .. 'quota', 'bucket', quotas.bucket_text(bucket, now))
end
local wait = taken < wanted and quotas.ready_in(bucket, wanted - taken) or 0
return remember(reply_key, stamp_arg, digits(taken) .. ' ' .. digits(wait))
