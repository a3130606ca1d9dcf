-- The script `assign.lua` as a function, for scripts that assign one task at a time; the loader puts its body in.
--
-- Instead of the arguments of the script, the body finds those of one assignment. It neither recalls nor keeps a reply:
-- that is for the script around it, whose keys have the same names.

local assign_one
do
  local ARGV, grid_arg = {}, nil

  local function recall_in_epoch() end

  local function remember(_, _, reply)
    return reply
  end

  local function arguments(first)
    return { ARGV[first] }
  end

  local function body()
-- [assign.lua]
  end

  -- Assign a task. Takes the rounding grid, and the five arguments of a task; returns what the script returns.
  function assign_one(grid, ...)
    grid_arg = grid
    for n = 1, 5 do
      ARGV[n + 3] = select(n, ...)
    end
    return body()
  end
end
