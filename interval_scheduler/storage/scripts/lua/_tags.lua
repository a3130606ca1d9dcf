-- Functions for hash tags, which the loader puts after those of `_checks.lua`.
--
-- The tag of an id is the text between its first '{' and the next '}', if it is not empty. All ids of a tag have one
-- home, and each partition has an index of them, so that they are found without a walk over all tasks. Every record of
-- the hash of the tasks is in it, those of dead tasks too. The keys share a prefix, which follows from the name of that
-- hash. Until a task whose id has a tag is assigned, none of them exists:
--
--   now                string, the generation of the index, a colon, and the oldest generation of which keys are left
--   <generation>       sorted set, all of score 0: the tags in use
--   <generation>:<tag> sorted set, all of score 0: the ids of the tag without the tag and its braces, and a '{' instead
--
-- A clear of all tasks begins the next generation, which is one write, however many tags there are. The keys of those
-- before are unlinked some at a time: by the caller of the clear, and by whoever adds ids if that caller died.
--
-- An id without a tag costs one look at a batch. Records are written by `write_records` and deleted by `delete_records`
-- only: so no script forgets the index.

-- Matches an id with a tag: what stands before it, the tag, and what stands behind. It fits a prefix as well.
local TAGGED = '^([^{]*){([^}]+)}(.*)$'
-- The tags of former generations that one script unlinks, and that one which adds ids unlinks by the way.
local AT_A_TIME, BY_THE_WAY = 500, 20

-- Find the prefix of the keys of tags, from the key of the tasks.
local function tags_of(tasks_key)
  return string.sub(tasks_key, 1, -6) .. 'tag:'
end

-- Read the generation of the index, and the oldest one of which keys are left; none if there is no index, or if it cannot
-- be read.
local function generations(tags)
  local text = redis.pcall('GET', tags .. 'now')
  local now, oldest = match(type(text) == 'string' and text or '', '^(%d+):(%d+)$')
  now, oldest = whole(now), whole(oldest)
  if now and oldest then
    return now, oldest
  end
end

local function note_generations(tags, now, oldest)
  call('SET', tags .. 'now', format('%d:%d', now, oldest))
end

-- Name the key of the tags in use in a generation.
local function tags_in_use(tags, generation)
  return tags .. format('%d', generation)
end

-- Put an id together from a tag and a member of its index; nil if the member cannot be read.
local function id_of(tag, member)
  local before, after = match(member, '^([^{]*){(.*)$')
  return before and before .. '{' .. tag .. '}' .. after
end

-- Tell if an id has a '{': much faster than a look at each.
local function may_have_tags(ids)
  return string.find(table.concat(ids), '{', 1, true) ~= nil
end

-- Sort ids by their tags. Returns the tags, and the members of each; nil if no id has a tag.
local function by_tag(ids)
  if not may_have_tags(ids) then
    return nil
  end
  local names, members = {}, {}
  for _, id in ipairs(ids) do
    local before, tag, after = match(id, TAGGED)
    if tag then
      if not members[tag] then
        members[tag] = {}
        names[#names + 1] = tag
      end
      members[tag][#members[tag] + 1] = before .. '{' .. after
    end
  end
  return names[1] and names, members
end

-- Unlink up to `most` tags of former generations. Returns true if some are left.
local function drop_former_tags(tags, most)
  local now, oldest = generations(tags)
  if not now or oldest >= now then
    return false
  end
  call('ZREM', tags_in_use(tags, oldest), '') -- Redis checks its memory only at the first write, and never for ZREM
  while oldest < now and most > 0 do
    local in_use = tags_in_use(tags, oldest)
    local found, keys = call('ZRANGE', in_use, 0, most - 1), {}
    for n, tag in ipairs(found) do
      keys[n] = in_use .. ':' .. tag
    end
    if #keys > 0 then
      call('UNLINK', unpack(keys))
      call('ZREMRANGEBYRANK', in_use, 0, #keys - 1)
    end
    if call('EXISTS', in_use) == 0 then
      oldest = oldest + 1
    end
    most = most - math.max(#keys, 1)
  end
  if oldest >= now and call('EXISTS', tags_in_use(tags, now)) == 0 then
    call('DEL', tags .. 'now')
  else
    note_generations(tags, now, math.min(oldest, now))
  end
  return oldest < now
end

-- Empty the index, and unlink the first of its keys. Returns true if some are left.
local function begin_next_generation(tasks_key)
  local tags = tags_of(tasks_key)
  local now, oldest = generations(tags)
  if now and call('EXISTS', tags_in_use(tags, now)) == 1 then
    note_generations(tags, now + 1, oldest)
  end
  return drop_former_tags(tags, AT_A_TIME)
end

-- Add ids to the index of their tags.
local function add_to_tags(tasks_key, ids)
  local names, members = by_tag(ids)
  if not names then
    return
  end
  local tags = tags_of(tasks_key)
  local now, oldest = generations(tags)
  if not now then
    call('GET', tags .. 'now') -- a key of another type stays: people have to look at it
    now, oldest = 1, 1
    note_generations(tags, now, oldest)
  end
  local in_use, used = tags_in_use(tags, now), {}
  for _, tag in ipairs(names) do
    used[#used + 1], used[#used + 2] = 0, tag
  end
  call('ZADD', in_use, unpack(used))
  for _, tag in ipairs(names) do
    local added = {}
    for _, member in ipairs(members[tag]) do
      added[#added + 1], added[#added + 2] = 0, member
    end
    call('ZADD', in_use .. ':' .. tag, unpack(added))
  end
  if oldest < now then
    drop_former_tags(tags, BY_THE_WAY)
  end
end

-- Take ids out of the index of their tags; a tag without ids is in use no more.
local function take_from_tags(tasks_key, ids)
  local tags = tags_of(tasks_key)
  local now, oldest = generations(tags)
  local names, members
  if now then
    names, members = by_tag(ids)
  end
  if not names then
    return
  end
  local in_use, unused = tags_in_use(tags, now), {}
  for _, tag in ipairs(names) do
    local key = in_use .. ':' .. tag
    redis.pcall('ZREM', key, unpack(members[tag])) -- a key of another type must not keep runs from their ends
    if call('EXISTS', key) == 0 then
      unused[#unused + 1] = tag
    end
  end
  if #unused > 0 then
    call('ZREM', in_use, unpack(unused))
    if oldest >= now and call('EXISTS', in_use) == 0 then
      call('DEL', tags .. 'now')
    end
  end
end

-- Tell if the index of a tag has an id; nil if the id has no tag.
local function is_in_tags(tasks_key, id)
  local before, tag, after = match(id, TAGGED)
  if not tag then
    return nil
  end
  local tags = tags_of(tasks_key)
  local now = generations(tags)
  local in_use = now and tags_in_use(tags, now)
  return now ~= nil
    and call('ZSCORE', in_use, tag) ~= false
    and call('ZSCORE', in_use .. ':' .. tag, before .. '{' .. after) ~= false
end

-- Find the first text of a member of the index that begins with a prefix, and the first one behind all of these, from what
-- the prefix has before its tag and behind it. The last byte of a text in UTF-8 is not the greatest.
local function range_of_tag(before, after)
  local least = before .. '{' .. after
  return least, string.sub(least, 1, -2) .. string.char(math.min(string.byte(least, -1) + 1, 255))
end

-- Find some ids that begin with a prefix that has a tag, behind a member of the index; '' to begin. Returns the ids, and
-- the last member; nil if there is no further one.
local function ids_of_tag(tasks_key, prefix, behind, count)
  local before, tag, after = match(prefix, TAGGED)
  local tags = tags_of(tasks_key)
  local now = generations(tags)
  if not now then
    return {}, nil
  end
  local least, beyond = range_of_tag(before, after)
  local first = behind == '' and '[' .. least or '(' .. behind
  local found = call('ZRANGEBYLEX', tags_in_use(tags, now) .. ':' .. tag, first, '(' .. beyond, 'LIMIT', 0, count)
  local ids = {}
  for _, member in ipairs(found) do
    ids[#ids + 1] = id_of(tag, member)
  end
  return ids, #found == count and found[count] or nil
end

-- Walk on over the whole index, about `count` ids and tags at a time, from a place that an earlier step returned; '0' to
-- begin. Returns the next place, '0' at the end; the ids; the tags in use that have none; and the members that cannot be
-- read, each behind its key.
local function walk_over_tags(tasks_key, place, count)
  local tags, ids, without, odd = tags_of(tasks_key), {}, {}, {}
  local now = generations(tags)
  if not now then
    return '0', ids, without, odd
  end
  local in_use = tags_in_use(tags, now)
  local length, rest = match(place, '^(%d+):(.*)$')
  local tag = length and string.sub(rest, 1, tonumber(length))
  local behind = length and string.sub(rest, tonumber(length) + 1) or ''
  tag = tag or call('ZRANGEBYLEX', in_use, '-', '+', 'LIMIT', 0, 1)[1]
  local left = count
  while tag and left > 0 do
    local first = behind == '' and '-' or '(' .. behind
    local found = call('ZRANGEBYLEX', in_use .. ':' .. tag, first, '+', 'LIMIT', 0, left)
    for _, member in ipairs(found) do
      local id = id_of(tag, member)
      ids[#ids + 1] = id
      if not id then
        odd[#odd + 1] = { in_use .. ':' .. tag, member }
      end
    end
    if #found == left then
      behind = found[#found]
    else
      if #found == 0 and behind == '' then
        without[#without + 1] = tag
      end
      tag, behind = call('ZRANGEBYLEX', in_use, '(' .. tag, '+', 'LIMIT', 0, 1)[1], ''
    end
    left = left - math.max(#found, 1)
  end
  return tag and #tag .. ':' .. tag .. behind or '0', ids, without, odd
end

-- Write records: two values for each, its id and its record. `fresh` lists the ids that may not be in the index
-- yet. It may be empty if none of the ids has a tag, as `may_have_tags` tells.
local function write_records(tasks_key, pairs_of, fresh)
  if #fresh > 0 then
    add_to_tags(tasks_key, fresh)
  end
  call('HSET', tasks_key, unpack(pairs_of))
end

-- Find the hash that tells who paused tasks, from the key of the tasks. It is there only while a task is paused.
local function pauses_of(tasks_key)
  return string.sub(tasks_key, 1, -6) .. 'pauses'
end

-- Delete records, and take their ids out of the index; with them goes what is known of their pauses.
local function delete_records(tasks_key, ids)
  if #ids > 0 then
    local pauses = pauses_of(tasks_key)
    if call('EXISTS', pauses) == 1 then
      call('HDEL', pauses, unpack(ids))
    end
    call('HDEL', tasks_key, unpack(ids))
    take_from_tags(tasks_key, ids)
  end
end
