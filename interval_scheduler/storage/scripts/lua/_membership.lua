-- Functions of the scripts that write the membership.

-- Find when the database became a partition, in µs: as the membership says, or else the key of the epoch; nil if
-- neither does.
local function born_of(field, epoch_key)
  local text = redis.pcall('GET', epoch_key)
  local told = type(text) == 'string' and match(text, '^%d+:(%d+)$')
  return whole(field) and field or whole(told) and told or nil
end

-- Write the key that every request asks, unless it is right. A key of another type stays: people have to look at it.
local function write_epoch(epoch_key, epoch, born)
  local text = redis.pcall('GET', epoch_key)
  if type(text) ~= 'table' and text ~= epoch .. ':' .. born then
    call('SET', epoch_key, epoch .. ':' .. born)
  end
end
