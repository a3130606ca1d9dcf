-- Functions that check what they read for length and form, which the loader puts first.
--
-- Whoever has access to the keys may have written anything there. One value that cannot be read must not end a script:
-- it would keep all other tasks of the partition waiting.

local call = redis.call
local match, format = string.match, string.format -- a local is found faster

-- The latest moment that stands for one, in ms: what is later, or before 1970, was not written by this library.
local LATEST = 253402300799999

-- The most bytes of records that a script reads to decide. What it does not come to, its caller asks for again.
local MOST_READ = 2097152

-- Read a whole number that a script wrote; nil if the text is anything else, or longer than any such number.
local function whole(text)
  return text and #text <= 16 and match(text, '^%d+$') and tonumber(text) or nil
end

-- Read a score as a moment, in ms: whole, and from 1970 to the latest one, whatever stands there. nil for no score.
local function moment_of(score)
  score = tonumber(score)
  return score and math.ceil(math.max(0, math.min(score, LATEST)))
end

-- Tell if some ids are all short and of ASCII without NUL, as nearly all are.
local function are_plain(ids)
  local joined = table.concat(ids)
  return #joined <= 512 * #ids and match(joined, '^[\1-\127]*$') ~= nil
end

-- Tell if this library can have written an id: up to 512 bytes of UTF-8 without NUL.
local function is_id(id)
  if are_plain({ id }) then
    return id ~= ''
  end
  local rest = id
  for _, sequence in ipairs({
    '[\194-\223][\128-\191]',
    '\224[\160-\191][\128-\191]',
    '\237[\128-\159][\128-\191]',
    '[\225-\236\238\239][\128-\191][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]',
    '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    rest = string.gsub(rest, sequence, '?')
  end
  return #id <= 512 and are_plain({ rest })
end

-- Make the error for a key whose content cannot be read.
local function corrupt(key, problem)
  return redis.error_reply('CORRUPT the key ' .. key .. ' ' .. problem)
end

-- Make the error for a reply that cannot be read, and delete it, so that the next request of the session passes.
local function corrupt_reply(reply_key)
  call('DEL', reply_key)
  return corrupt(reply_key, 'had no reply to a request: the change may or may not have happened')
end

-- Add to a count in a hash, and return the sum; nil if there is something else than a count, which then stays.
local function add(key, field, number)
  local sum = redis.pcall('HINCRBY', key, field, number)
  if type(sum) ~= 'table' then
    return sum
  elseif match(tostring(sum.err), 'integer') or match(tostring(sum.err), 'overflow') then
    return nil
  end
  return call('HINCRBY', key, field, number) -- raises the same error
end

-- Add one to the count of each id in a hash. A count that cannot be read begins anew.
local function count_up(key, ids)
  for _, id in ipairs(ids) do
    if (add(key, id, 1) or 0) < 1 then
      call('HSET', key, id, 1)
    end
  end
end

-- Count a failed delivery of each id. A count that cannot be read stays: the next claim sets its task aside.
local function count_attempts(attempts_key, ids)
  for _, id in ipairs(ids) do
    add(attempts_key, id, 1)
  end
end
