-- Put all quotas in the place of those before.
-- KEYS: reply, groups, actions
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] revision: integer, the number of this change
-- ARGV[4] expected: integer, the revision that must hold so far; '' for any smaller one
-- ARGV[5] rate: string, that of the namespace, or '' for none
-- ARGV[6] rated: integer, how many groups have a rate
-- ARGV[7...] note: string, for the log of actions five: the name of the call, or '' for no note; the name of this very
--   call, or ''; who; details; a prefix, or ''; and then for each of the rated groups two: group: string; rate: string;
--   and then for each group with a bound two: group: string;
--   bound: integer
-- Returns: string, 1 if they were put, else 0
-- Guarantees: atomic; refused under another membership; applied once per request; a greater revision is never replaced;
--   the tokens of a rate that stays, stay; with a note, it is in the log; at most 1,000 groups of each.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local quota, rates, buckets, caps = groups_key .. 'quota', groups_key .. 'rates', groups_key .. 'buckets', groups_key .. 'caps'
local stored = whole(call('GET', groups_key .. 'revision')) or 0
if stored >= tonumber(revision_arg) or expected_arg ~= '' and stored ~= tonumber(expected_arg) then
  return remember(reply_key, stamp_arg, '0')
end

local note = read_note(7)
local newest = newest_actions(actions_key, { note })
local last = 11 + 2 * tonumber(rated_arg)
local now, rate_for, quotas = now_ms(), {}, quota_functions()
for at = 12, last, 2 do
  rate_for[ARGV[at]] = ARGV[at + 1]
end

-- Settle a bucket now whose rate changes, so that nothing more comes by the old one; nil if it stays as it is.
local function settled(text, stored)
  local rate = stored and quotas.rate_of(text)
  return rate and string.sub(stored, 1, #text + 1) ~= text .. ' ' and quotas.bucket_text(quotas.bucket_of(rate, stored, now), now) or nil
end

local over, changed, before = {}, {}, call('HGETALL', rates)
for n = 1, #before, 2 do
  local group, text = before[n], rate_for[before[n]]
  if not text then
    over[#over + 1] = group
  elseif text ~= before[n + 1] then
    local bucket = settled(text, call('HGET', buckets, group))
    if bucket then
      changed[#changed + 1], changed[#changed + 2] = group, bucket
    end
  end
end
local bucket = settled(rate_arg, call('HGET', quota, 'bucket'))
local notes = {}
for _, group in ipairs(call('ZRANGE', groups_key .. 'refill', 0, 999)) do
  notes[#notes + 1], notes[#notes + 2] = 0, group
end
call('SET', groups_key .. 'revision', revision_arg)
if rate_arg ~= '' or #ARGV > 11 then
  call('HSET', quota, 'rate', rate_arg)
end
if bucket then
  call('HSET', quota, 'bucket', bucket)
elseif rate_arg == '' then
  call('HDEL', quota, 'bucket')
end
if #changed > 0 then
  call('HSET', buckets, unpack(changed))
end
if #ARGV == 11 and rate_arg == '' then
  call('DEL', quota)
end
call('DEL', rates, caps)
-- Groups that wait for tokens are looked at anew.
if #notes > 0 then
  call('ZADD', groups_key .. 'room', unpack(notes))
  call('DEL', groups_key .. 'refill')
end
if last > 11 then
  call('HSET', rates, unpack(ARGV, 12, last))
end
if #ARGV > last then
  call('HSET', caps, unpack(ARGV, last + 1))
end
if #over > 0 then
  call('HDEL', buckets, unpack(over))
end
redis.pcall('PUBLISH', channel_arg, '0')
if note then
  note.count = 1
  note_actions(actions_key, newest, { note }, now)
end
return remember(reply_key, stamp_arg, '1')
