-- Functions for rates, and for bounds on groups that are kept in Redis, which the loader puts before those of
-- `_groups.lua`. Their keys share the prefix `groups`, and none exists until an application sets a quota:
--
--   quota      hash, rate: that of the namespace, or ''; bucket: its tokens; exists while there is any quota
--   revision   string, the number of the last change
--   rates      hash, group -> its rate
--   buckets    hash, group -> its tokens
--   caps       hash, group -> the most of its tasks that may be leased at once, 0 for any number; '*': any other group
--   refill     sorted set, group -> when it has a token again, ms; some of its tasks are parked until then
--
--   rate   = count " " per " " burst          so many starts in so many ms, and so many at once
--   bucket = rate " " level " " moment        the level at that moment, ms
--
-- A bucket holds up to `burst` tokens, and each start takes one. A token has `per` parts, and each ms brings `count` parts:
-- whole numbers, so that nothing is rounded and nothing drifts. The library keeps `burst * per` below 2 ^ 52.

-- The functions below, once they are made. Redis makes the functions of a script anew each time, and nearly none needs these.
local made

local function quota_functions()
  if made then
    return made
  end

  -- The time for which tokens gather before a claim looks for them, in ms, so that a high rate costs few claims.
  local GATHER_MS = 20

  -- Read a rate; nil if there is none, or if it cannot be read.
  local function rate_of(text)
    local count, per, burst = match(text or '', '^(%d+) (%d+) (%d+)$')
    count, per, burst = whole(count), whole(per), whole(burst)
    if not (count and per and burst) or count * per * burst == 0 then
      return nil
    end
    return { text = text, count = count, per = per, burst = burst }
  end

  -- Find the level of a bucket now. One that is new, or cannot be read, is full; one of another rate keeps its tokens, as
  -- far as they fit.
  local function level_of(rate, stored, now)
    local full = rate.burst * rate.per
    local text, level, since = match(stored or '', '^(%d+ %d+ %d+) (%d+) (%d+)$')
    level, since = whole(level), whole(since)
    if not (level and since) then
      return full
    elseif text ~= rate.text then
      local before = rate_of(text)
      if not before then
        return full
      end
      level, since = math.floor(level_of(before, stored, now) / before.per * rate.per), now
    end
    -- Time that went backwards brings nothing.
    return math.min(full, level + math.max(0, now - since) * rate.count)
  end

  -- Open the bucket of a rate: a table with its level.
  local function bucket_of(rate, stored, now)
    return { rate = rate, level = level_of(rate, stored, now), is_changed = false }
  end

  -- Count the tokens in a bucket.
  local function tokens_in(bucket)
    return math.floor(bucket.level / bucket.rate.per)
  end

  -- Take tokens out of a bucket, or put some back.
  local function spend(bucket, count)
    if count ~= 0 then
      local rate = bucket.rate
      bucket.level = math.min(rate.burst * rate.per, bucket.level - count * rate.per)
      bucket.is_changed = true
    end
  end

  -- Write a bucket down.
  local function bucket_text(bucket, now)
    return bucket.rate.text .. ' ' .. digits(bucket.level) .. ' ' .. digits(now)
  end

  -- Tell after how many ms a bucket has a token, or some more if so many are wanted and come soon.
  local function ready_in(bucket, wanted)
    local rate = bucket.rate
    local soon = math.floor(math.min(wanted, rate.burst / 2, rate.count * GATHER_MS / rate.per))
    return math.max(1, math.ceil((math.max(1, soon) * rate.per - bucket.level) / rate.count))
  end

  -- Open the bucket of a group; nil if the group has no rate.
  local function group_bucket(groups, group, now)
    local rate = rate_of(call('HGET', groups .. 'rates', group))
    return rate and bucket_of(rate, call('HGET', groups .. 'buckets', group), now)
  end

  -- Tell if some task of a group is parked.
  local function is_any_parked(groups, group)
    return #call('ZRANGEBYLEX', groups .. 'parked', '[' .. group .. '\0', '(' .. group .. '\1', 'LIMIT', 0, 1) > 0
  end

  -- Find for how many turns a group has tokens; nil if it has no rate. Without one, it is noted for when it has, if a task
  -- of it is parked; returns true as the second value then, if it was not noted before.
  local function turns_by_rate(groups, group, now)
    local bucket = group_bucket(groups, group, now)
    local tokens = bucket and tokens_in(bucket)
    if not bucket or tokens > 0 or call('ZSCORE', groups .. 'refill', group) or not is_any_parked(groups, group) then
      return tokens, false
    end
    call('ZADD', groups .. 'refill', digits(now + ready_in(bucket, 1)), group)
    return 0, true
  end

  -- Give groups with a rate the tokens of leased tasks back whose runs did not start.
  local function give_tokens_back(groups, ids, now)
    local open, changed = {}, {}
    for _, group in ipairs(extras_of(groups .. 'of', ids)) do
      if group and open[group] == nil then
        open[group] = group_bucket(groups, group, now) or false
      end
      if group and open[group] then
        spend(open[group], -1)
      end
    end
    for group, bucket in pairs(open) do
      if bucket then
        changed[#changed + 1], changed[#changed + 2] = group, bucket_text(bucket, now)
      end
    end
    if #changed > 0 then
      call('HSET', groups .. 'buckets', unpack(changed))
    end
  end

  made = {
    rate_of = rate_of,
    bucket_of = bucket_of,
    tokens_in = tokens_in,
    spend = spend,
    bucket_text = bucket_text,
    ready_in = ready_in,
    group_bucket = group_bucket,
    is_any_parked = is_any_parked,
    turns_by_rate = turns_by_rate,
    give_tokens_back = give_tokens_back,
  }
  return made
end
