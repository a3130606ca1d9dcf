-- What stands around the scripts of a store. It is run once in the interpreter of each, and returns two functions.

-- Globals of fakeredis are read through it, and nothing is written.
local sealed = {
  __index = _G,
  __newindex = function(_, name)
    error('Script attempted to set global variables: ' .. tostring(name), 2)
  end,
}

-- The most values of a list that are returned at once: Lua has room for 8,000 on its stack.
local MOST = 4000

-- Return `true` and the values of a list, up to the first nil, or another value as it is. A list that is too long is left
-- to fakeredis, and so is a table that stands for a status, an error, or a type of RESP3.
local function spread(value)
  if value == true then
    return 1
  elseif
    type(value) ~= 'table'
    or value.ok ~= nil
    or value.err ~= nil
    or value.double ~= nil
    or value.map ~= nil
  then
    return value
  end
  local count = 0
  while value[count + 1] ~= nil do
    count = count + 1
  end
  if count > MOST then
    return value
  end
  return true, unpack(value, 1, count)
end

-- Compile a script: return a function of KEYS and ARGV that runs it, with globals of its own.
local function compile(source)
  local chunk, problem = loadstring(source, '<python>')
  if not chunk then
    error('error loading code: ' .. problem, 0)
  end
  local own = {}
  own._G = own
  setfenv(chunk, setmetatable(own, sealed))
  return function(keys, arguments)
    rawset(own, 'KEYS', keys)
    rawset(own, 'ARGV', arguments)
    return spread(chunk())
  end
end

return compile, spread
