-- Schedules: the hash `schedules`, by name: version, 1 if on, 1 if removed, last tick, definition; and
-- the stream `schedules:changes`, whose last id is the revision.
local SCHEDULES, CHANGES = P .. 'schedules', P .. 'schedules:changes'

local function read(name)
  local entry = call('HGET', SCHEDULES, name)
  if not entry then return nil end
  local is_on, is_removed, last_tick = parse('>BBI6', entry, 9)
  return { version = sub(entry, 1, 8), on = is_on == 1, removed = is_removed == 1,
    last_tick = last_tick, definition = sub(entry, 17) }
end

local function write(name, entry)
  call('HSET', SCHEDULES, name, entry.version .. char(entry.on and 1 or 0, entry.removed and 1 or 0)
    .. time_bytes(entry.last_tick) .. entry.definition)
end

-- The last run of each schedule, how many ticks overlapped with it and which was the last of these; and the
-- definitions that were replaced last, behind version and time.
local LAST_RUNS, REPLACED = P .. 'schedules:runs', P .. 'schedules:replaced'

local function read_run(name)
  local last = call('HGET', LAST_RUNS, name)
  if not last then return nil, 0, 0 end
  return sub(last, 1, 16), parse('>I6I6', last, 17)
end

local function write_run(name, run, overlaps, last_overlap)
  call('HSET', LAST_RUNS, name, run .. pack('>I6I6', overlaps, last_overlap))
end

-- Returns whether one version, as 8 bytes, is lower than another.
local function is_lower(a, b)
  local a_high, a_low = parse('>I4I4', a)
  local b_high, b_low = parse('>I4I4', b)
  return a_high < b_high or a_high == b_high and a_low < b_low
end

-- Wakes everybody who waits for a change.
local function changed()
  call('XADD', CHANGES, 'MAXLEN', 1, string.format('%.0f-0', call('INCR', P .. 'schedules:revision')), 'c', '1')
end
