-- Find tasks whose id starts with a prefix, a step at a time: among those of its hash tag if it has one, else among all.
-- KEYS: tasks, due, leased, paused, dead, groups
-- ARGV[1] cursor: string, where the step before ended; '0' to begin
-- ARGV[2] count: integer, about how many tasks to look at; 0 to look at none
-- ARGV[3] wanted: integer, how many tasks to find
-- ARGV[4] weight: integer, bytes of records of tasks that were found, after which the step ends
-- ARGV[5] prefix: string
-- Returns: {cursor, '0' at the end; ids; about the number of tasks looked at; the number of all that there are}
-- Reads only.
-- Guarantees: atomic; changes nothing; of all tasks, each that exists from the first step to the last is looked at.

local before, tag, after = match(prefix_arg, TAGGED)
local count, wanted = tonumber(count_arg), tonumber(wanted_arg)

if tag then
  local now = generations(tags_of(tasks_key))
  if not now then
    return { '0', {}, 0, 0 }
  end
  local key = tags_in_use(tags_of(tasks_key), now) .. ':' .. tag
  local first, beyond = range_of_tag(before, after)
  local total = place_in(key, '0', beyond) - place_in(key, '0', first)
  local most = math.min(count, wanted)
  if most == 0 then
    return { cursor_arg, {}, 0, total }
  end
  local ids, last = ids_of_tag(tasks_key, prefix_arg, cursor_arg == '0' and '' or string.sub(cursor_arg, 2), most)
  local found = #values_within(tasks_key, ids, tonumber(weight_arg))
  if found < #ids then
    local former, _, rest = match(ids[found], TAGGED)
    ids, last = { unpack(ids, 1, found) }, former .. '{' .. rest
  end
  return { last and '=' .. last or '0', ids, #ids, total }
end

-- The tasks that one command looks at by their ids alone.
local BY_ID = 50
local pattern = string.gsub(prefix_arg, '[*?%[\\]', '\\%0') .. '*'
local cursor, ids, size, looked, sampled, weight = cursor_arg, {}, 0, 0, 0, 0
while looked < count and #ids < wanted and size < tonumber(weight_arg) and weight < MOST_SCANNED do
  local found
  -- Servers up to Redis 7.0 copy each value on the way, that of an id of another form too. So some values are looked at
  -- first, and all if they are long; of short ones, those whose ids have another form need not be sent to the script.
  if sampled < AT_ONCE or weight > SHORT * sampled then
    local step = AT_ONCE
    if weight >= SHORT * sampled then
      step = math.max(1, math.min(step, math.floor((MOST_SCANNED - weight) / LONGEST)))
    end
    found = call('HSCAN', tasks_key, cursor, 'COUNT', step)
    for n = 2, #found[2], 2 do
      sampled, weight = sampled + 1, weight + #found[2][n]
    end
    looked = looked + #found[2] / 2
  else
    found = call('HSCAN', tasks_key, cursor, 'MATCH', pattern, 'COUNT', BY_ID)
    looked = looked + BY_ID
  end
  cursor = found[1]
  for n = 1, #found[2], 2 do
    local id = found[2][n]
    if string.sub(id, 1, #prefix_arg) == prefix_arg then
      ids[#ids + 1] = id
      size = size + #found[2][n + 1]
    end
  end
  if cursor == '0' then
    break
  end
end
local total = call('ZCARD', groups_key .. 'parked')
for _, key in ipairs({ due_key, leased_key, paused_key, dead_key }) do
  total = total + call('ZCARD', key)
end
return { cursor, ids, looked, total }
