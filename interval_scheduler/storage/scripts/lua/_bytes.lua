-- Functions that keep what a script reads within a bound in bytes, which the loader puts after those of `_claims.lua`.
--
-- Redis has no command that reads the beginning of a value, and a payload has up to 256 KiB. So a script that reads many
-- values stops before they are too heavy, and its caller asks for the rest in another request.

-- The length of the longest value that this library writes for a task, in bytes: a payload, its header, a reason.
local LONGEST = 266240
-- The most values that are read at once, and the mean length up to which that many are, whatever may come: so a batch of
-- usual tasks costs a few commands. Longer ones are read a few at a time, since Redis is slow with a reply of some MiB,
-- as far as they fit for sure, and then one by one.
local AT_ONCE, SHORT, FEW = 15, 4096, 3
-- The bytes of values after which a walk over a hash ends: their owner sees only the fields.
local MOST_SCANNED = 524288

-- Read the fields of a hash, in order, until the next value would exceed `most` bytes; the first is read in any case.
-- Returns the values (false for none), and their length in all.
local function values_within(key, fields, most)
  local values, size, count, wanted = {}, 0, 0, #fields
  while count < wanted do
    local step = AT_ONCE
    if count == 0 or size > SHORT * count then
      step = math.min(FEW, math.max(1, math.floor((most - size) / LONGEST)))
    end
    local read = call('HMGET', key, unpack(fields, count + 1, math.min(count + step, wanted)))
    for n = 1, #read do -- no ipairs, and no function, since this is the hot path
      local value = read[n]
      if value then
        size = size + #value
        if size > most and count > 0 then
          return values, size - #value
        end
      end
      count = count + 1
      values[count] = value
    end
  end
  return values, size
end

-- Cut lists that have two values and one value for each task to the tasks whose records were read.
local function first_of(count, pairs_of, ids)
  if count == #ids then
    return pairs_of, ids
  end
  return { unpack(pairs_of, 1, 2 * count) }, { unpack(ids, 1, count) }
end

-- Append values to a list, a few at a time if they are long.
local function append(list_key, values, size)
  local step = size > SHORT * #values and FEW or #values
  for at = 1, #values, step do
    call('RPUSH', list_key, unpack(values, at, math.min(at + step - 1, #values)))
  end
end

-- Walk on in a hash: as HSCAN with COUNT, but in small steps, which end when the values that were read reach a bound in
-- bytes. Returns the cursor, and the fields.
local function scan_within(key, cursor, count)
  local fields, size, looked = {}, 0, 0
  count = tonumber(count)
  repeat
    -- Without this, a table of long values would be read as a whole, since HSCAN sends the values too.
    local step = math.min(AT_ONCE, count - looked)
    if size >= SHORT * looked then
      step = math.min(step, math.max(1, math.floor((MOST_SCANNED - size) / LONGEST)))
    end
    local found = call('HSCAN', key, cursor, 'COUNT', step)
    cursor, looked = found[1], looked + step
    for n = 1, #found[2], 2 do
      fields[#fields + 1] = found[2][n]
      size = size + #found[2][n + 1]
    end
  until cursor == '0' or looked >= count or size >= MOST_SCANNED
  return cursor, fields
end
