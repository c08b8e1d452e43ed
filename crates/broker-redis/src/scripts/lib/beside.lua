-- What stands beside a run: in the hash `side`, by id: deadline and retention, 6 bytes each, then texts, each behind its
-- length in 2 bytes: keys (lib/keys.lua), limits (lib/lines.lua), what is said of its workflow (lib/follow.lua), schedule.
-- Some runs carry it (lib/carried.lua).

-- Returns deadline, retention, what it asks for by keys, what is said of its workflow and its limits of a run that
-- has such; nothing for a plain one.
local function side_of(run)
  local flags = byte(run, 2) or 0
  if flags % 8 < 4 then return nil end
  if flags >= CARRIES then
    local keys, limits = carried_by(run)
    return 0, 0, keys or '', '', limits or ''
  end
  local side = get(SIDE, sub(run, 5, 20))
  if not side then return nil end
  local deadline, keep, keys, limits, workflow = parse('>I6I6I2c0I2c0I2c0', side)
  return deadline, keep, keys, workflow, limits
end

-- Reads what stands beside some runs.
local function load_sides(runs)
  local ids = {}
  for _, run in ipairs(runs) do
    if has_options(run) and not carries(run) then ids[#ids + 1] = sub(run, 5, 20) end
  end
  load(SIDE, ids)
end
