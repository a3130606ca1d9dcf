-- Functions that find the place of a page in a sorted set, which the loader puts before the scripts that list one.

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

-- List members of a sorted set behind a score and an id, or from its beginning if the score is '': the greatest first if
-- `newest`, else the least. Returns the members and their scores.
local function ranked_page(key, limit, newest, score, id)
  local first = newest and -limit or 0
  local last = newest and -1 or limit - 1
  if score ~= '' then
    local below, upto = place_in(key, score, id)
    first = newest and math.max(0, below - limit) or upto
    last = newest and below - 1 or upto + limit - 1
  end
  local found = (last >= 0 or score == '') and call('ZRANGE', key, first, last, 'WITHSCORES') or {}
  local members, scores = {}, {}
  for n = 1, #found, 2 do
    local at = newest and #found - n or n
    members[#members + 1], scores[#scores + 1] = found[at], found[at + 1]
  end
  return members, scores
end
