-- A run as bytes (docs/WIRE.md), read and changed in place; positions begin with 1:
-- 1 version, 2 flags, 3 kind, 5-20 id, 21-24 attempt, 25-26 failures, 27 crashes, 28 parks,
-- 29-34 queued at, 35-40 due at, 41 length of the task's name.
local PLACES = {
  [0] = 'io:high:', [4] = 'io:medium:', [8] = 'io:low:',
  [1] = 'cpu:high:', [5] = 'cpu:medium:', [9] = 'cpu:low:',
}
local LANES = { [0] = 'io:', [1] = 'cpu:' }

local function state_of(run)
  local kind = byte(run, 3)
  return (kind - kind % 16) / 16
end

local function task_of(run)
  return sub(run, 42, 41 + byte(run, 41))
end

local function has_options(run)
  return (byte(run, 2) or 0) % 8 >= 4
end

local function queue_of(run)
  local flags = byte(run, 2)
  if flags % 4 < 2 then
    return 'default'
  end
  local at = 42 + byte(run, 41) + flags % 2 * 32
  return sub(run, at + 1, at + byte(run, at))
end

local ready_of, bell_of
do
  -- Names of keys by queue and kind, or lane: a step has few of them, and many runs.
  local ready_keys, bell_keys = {}, {}
  for kind in pairs(PLACES) do ready_keys[kind] = {} end
  for lane in pairs(LANES) do bell_keys[lane] = {} end

  function ready_of(run)
    local kind, queue = byte(run, 3) % 16, queue_of(run)
    local key = ready_keys[kind][queue]
    if not key then
      key = P .. 'ready:' .. PLACES[kind] .. queue
      ready_keys[kind][queue] = key
    end
    return key
  end

  function bell_of(run)
    local lane, queue = byte(run, 3) % 4, queue_of(run)
    local key = bell_keys[lane][queue]
    if not key then
      key = P .. 'bell:' .. LANES[lane] .. queue
      bell_keys[lane][queue] = key
    end
    return key
  end
end

local function in_state(run, state)
  return sub(run, 1, 2) .. char(state * 16 + byte(run, 3) % 16) .. sub(run, 4)
end

-- Forgets that a run is parked (lib/parked.lua), if it may be.
local function forget_parked(run)
  if byte(run, 28) > 0 then call('ZREM', P .. 'parked', sub(run, 5, 20) .. task_of(run)) end
end

-- The most bytes of a run. A longer entry is no run: it is set aside here, and sent to nobody.
local LARGEST = 3244032
