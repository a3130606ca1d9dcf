-- Sample tasks for a forecast: some of each slice of the time to come, and of those that are late, leased or parked.
-- KEYS: due, leased, leases, groups
-- ARGV[1] seed: integer, for the choice
-- ARGV[2] wanted: integer, how many tasks at most
-- ARGV[3] width: integer, ms; of each bucket of the time to come
-- ARGV[4] buckets: integer, how many
-- ARGV[5...] slices: integer, ms from now; the ends of the slices, the nearest first
-- Returns: {now, ms; for each bucket the number of waiting tasks that are due in it, its beginning not included and its end
--   included; the number of tasks in each stratum: late, leased, parked, then the slices; for each stratum its sample, as a
--   list of four for each task: its id; the due time of its next run, or of the run in progress, ms; when that was claimed,
--   µs, or '' if it waits; empty, or p if it is paused}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(log N) for each bucket, slice and sampled task.

-- A task with a short interval is due soon, so the nearest slices have what runs most. A slice gets samples by how dense
-- it is: that is its share of the runs to come. Its ranks are cut into equal parts, and each part gives one task.
local LATE, LEASED, PARKED = 1, 2, 3
-- The fewest samples of a stratum that has more tasks; and the part of all samples that tasks get which run or could.
local FEWEST, PRESENT = 6, 0.4

local now, wanted = now_ms(), tonumber(wanted_arg)
math.randomseed(tonumber(seed_arg))

local counts, edge = {}, now
for n = 1, tonumber(buckets_arg) do
  counts[n] = call('ZCOUNT', due_key, '(' .. digits(edge), digits(edge + tonumber(width_arg)))
  edge = edge + tonumber(width_arg)
end

local parked_in = groups_key .. 'parked'
local sizes, firsts, density = {}, { 0, 0, 0 }, { 0, 0, 0 }
sizes[LATE], sizes[LEASED] = call('ZCOUNT', due_key, '-inf', digits(now)), call('ZCARD', leased_key)
sizes[PARKED] = call('ZCARD', parked_in)
local slices, from, rank, dense = arguments(5, 1), 0, sizes[LATE], 0
for n, span in ipairs(slices) do
  local size = call('ZCOUNT', due_key, '(' .. digits(now + from), digits(now + tonumber(span)))
  sizes[n + PARKED], firsts[n + PARKED], density[n + PARKED] = size, rank, size / (tonumber(span) - from)
  dense = dense + density[n + PARKED]
  from, rank = tonumber(span), rank + size
end

-- Share the samples out.
local present, shares, left = sizes[LATE] + sizes[LEASED] + sizes[PARKED], {}, wanted
for n, size in ipairs(sizes) do
  shares[n] = math.min(size, FEWEST)
  left = left - shares[n]
end
local for_present = present == 0 and 0 or dense == 0 and left or left * PRESENT
for n, size in ipairs(sizes) do
  local more = n <= PARKED and for_present * size / math.max(present, 1) or (left - for_present) * density[n] / dense
  shares[n] = math.min(size, shares[n] + (size > 0 and math.floor(more) or 0))
end
left = wanted
for _, share in ipairs(shares) do
  left = left - share
end
for n = #sizes, 1, -1 do -- what small strata have left over goes to others, the largest slices first
  local more = math.min(left, sizes[n] - shares[n])
  shares[n], left = shares[n] + more, left - more
end

-- Take one task of each part of a stratum.
local function sample(n)
  local taken, size, share = {}, sizes[n], shares[n]
  for part = 0, share - 1 do
    local low, high = math.floor(part * size / share), math.floor((part + 1) * size / share) - 1
    local at = firsts[n] + low + math.min(math.floor(math.random() * (high - low + 1)), high - low)
    local id, due, begun, paused
    if n == PARKED then
      due, id = read_parked(call('ZRANGE', parked_in, at, at)[1])
    elseif n == LEASED then
      id = call('ZRANGE', leased_key, at, at)[1]
      local claim, of, mark, rests = read_lease(call('HGET', leases_key, id) or nil)
      local set_to = whole(match(mark or '', '^s(%d+)$'))
      due = set_to or whole(of)
      begun = not set_to and claim and match(claim, '^%d+')
      paused = rests
    else
      local found = call('ZRANGE', due_key, at, at, 'WITHSCORES')
      id, due = found[1], moment_of(found[2])
    end
    if id and due then
      for _, value in ipairs({ id, digits(due), begun or '', paused or '' }) do
        taken[#taken + 1] = value
      end
    end
  end
  return taken
end

local samples = {}
for n = 1, #sizes do
  samples[n] = sample(n)
end
return { now, counts, sizes, samples }
