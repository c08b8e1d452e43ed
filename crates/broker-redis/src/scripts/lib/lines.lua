-- The lines that runs stand in: those that a limit does not let start, and those that take turns.
--
-- What stands beside a run names what it shares with others: length and names, each f, c or r (fair key,
-- concurrency, rate), length, key; then of each its number and its time in ms, 0 for a concurrency limit. A
-- fair key comes first: its time is the weight, and its number so large that a release which does not know turns
-- takes it for a rate that nothing uses up.
-- Runs of one spot (lane, priority, queue) with the same names are a line: its name is spot, line feed and
-- names; the list `line:<name>` has their ids. The hash `lines` has of each 0 if it waits for a limit, 1 if it may go
-- on; how many of its turn have started, 2 bytes; and the limit that it waits for or has been let on by. One that may go on
-- is an entry of its ready list, behind the id that nobody has.
-- A run with a fair key stands from when it is ready: its line is opened for it. Any other stands once a claim has
-- come upon it and a limit has refused it, or where such a line is.
local LINES, STANDING = P .. 'lines', P .. 'standing'
local LINE = rep('\0', 17)
local FAIR = byte('f')

local parsed, has_lines = {}, nil

-- Returns whether an entry of a ready list is a line.
local function is_line(entry)
  return #entry > #LINE and sub(entry, 1, #LINE) == LINE
end

local function line_in(entry)
  return sub(entry, #LINE + 1)
end

-- Returns whether the runs of a line take turns with others.
local function takes_turns(line)
  return byte(line, string.find(line, '\n', 1, true) + 1) == FAIR
end

-- Returns the limits that the runs of a line share.
local function fields_of(line)
  local names, at, fields = sub(line, string.find(line, '\n', 1, true) + 1), 1, {}
  while at <= #names do
    local kind, length = parse('>c1I2', names, at)
    if byte(kind) ~= FAIR then fields[#fields + 1] = kind .. sub(names, at + 3, at + 2 + length) end
    at = at + 3 + length
  end
  return fields
end

-- Returns whether a text names a fair key.
local function is_fair(text)
  return byte(text, 3) == FAIR
end

-- Returns the limits that a text names, and its `weight` if it names a fair key.
local function limits_in(text)
  local limits = parsed[text]
  if limits then return limits end
  local names = text ~= '' and parse('>I2c0', text) or ''
  limits = { names = names, lines = {} }
  local at, numbers = 1, 3 + #names
  while at <= #names do
    local length = parse('>I2', names, at + 1)
    local max, per = parse('>I4I6', text, numbers)
    if byte(names, at) == FAIR then
      limits.weight = per
    else
      limits[#limits + 1] = { field = sub(names, at, at) .. sub(names, at + 3, at + 2 + length), max = max, per = per }
    end
    at, numbers = at + 3 + length, numbers + 10
  end
  parsed[text] = limits
  return limits
end

-- Writes that a line may go on, or waits; how many of its turn have started; and by which limit.
local function note_line(line, goes_on, turn, field)
  put(LINES, line, (goes_on and '1' or '0') .. pack('>I2', turn) .. field)
end

-- Returns the name of the line of a run.
local function line_at(spot, limits)
  local lines = limits.lines
  local line = lines[spot]
  if not line then
    line = spot .. '\n' .. limits.names
    lines[spot] = line
  end
  return line
end

-- Returns the name of the line of a run, and what is written of it if it has runs in it; no name if there are no lines.
local function line_of(spot, limits)
  if has_lines == nil then has_lines = call('EXISTS', LINES) == 1 end
  if not has_lines then return nil end
  local line = line_at(spot, limits)
  return line, get(LINES, line) or nil
end

-- Takes the numbers of a run; notes that a line uses its limits, or does no more (lib/limits.lua).
local note_numbers, use_limits, leave_limits

-- Puts a run into its line, at the end that `command` says; nothing if that is not open, and not opened. Returns the
-- entry for the ready list of a line that was opened (empty: it is there, or waits), and whether the line may go on.
-- No claim comes upon a run with a fair key while others stand before it: its numbers count from now on.
local function stand(run, text, command)
  local limits, id = limits_in(text), sub(run, 5, 20)
  if limits.weight then note_numbers(limits, parse('>I6', run, 29), now()) end
  local spot = sub(ready_of(run), #P + 7)
  local line, known = line_of(spot, limits)
  if not known and not limits.weight then return nil end
  line = line or line_at(spot, limits)
  call(command, P .. 'line:' .. line, id)
  put(STANDING, id, '1')
  if carries(run) then put(RUNS, id, run) end
  if known then return '', sub(known, 1, 1) == '1' end
  has_lines = true
  use_limits(limits, parse('>I6', run, 29))
  note_line(line, true, 0, '')
  return LINE .. line, true
end

-- Forgets a line that has no run left.
local function close_line(line)
  leave_limits(fields_of(line))
  put(LINES, line, false)
end
