-- A function that finds the place of a page in a sorted set, which the loader puts before the scripts that list one.

-- Compare two ids of one score: true if the first comes later. Redis sorts byte by byte; Lua's own comparison would
-- follow the locale.
local function comes_after(one, other)
  for n = 1, math.min(#one, #other) do
    local a, b = string.byte(one, n), string.byte(other, n)
    if a ~= b then
      return a > b
    end
  end
  return #one > #other
end

-- Count the members of a sorted set before a score and an id, and those up to them, by binary search among the ids of that
-- score. The one that is looked for may be gone.
local function place_in(key, score, id)
  local first = call('ZCOUNT', key, '-inf', '(' .. score)
  local last = call('ZCOUNT', key, '-inf', score)
  while first < last do
    local middle = math.floor((first + last) / 2)
    if comes_after(call('ZRANGE', key, middle, middle)[1], id) then
      last = middle
    else
      first = middle + 1
    end
  end
  local is_there = first > 0 and call('ZRANGE', key, first - 1, first - 1)[1] == id
  return is_there and first - 1 or first, first
end
