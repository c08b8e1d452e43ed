-- Limits that runs share: how many of a key run at once, how many start in a time.
--
-- What stands beside a run names them: length and names, each c or r (concurrency, rate), length, key; then of each
-- its number and its time in ms, 0 for a concurrency limit.
-- The hash `limits` has those that are in use, by c or r and key. How many run is counted in the steps that give a run
-- to a consumer and take it away, so it is always the number of runs in `own:…`.
-- Runs of one spot (lane, priority, queue) with the same limits that wait are a line: its name is spot, line feed and
-- names; the list `line:<name>` has their ids, the hash `lines` 0 or 1 and the limit that it waits for or has been let
-- on by. A line that waits is in the list `blocked:<spot>:<limit>`, one that may go on is an entry of its ready list,
-- behind the id that nobody has. The hash `spots:<limit>` has where lines wait, and whether one of them is in the ready
-- list there: at most one is, and it lets the next one on.
local LIMITS, LINES, STANDING = P .. 'limits', P .. 'lines', P .. 'standing'
local LINE = rep('\0', 17)
local LIMIT_FORMAT = '>I4I6I6I4I6I8I2'

-- Returned for a limit that opens when a run leaves its consumer.
local WHEN_ONE_LEAVES = -1

local parsed, limits_known, limits_changed, has_woken = {}, {}, {}, false

-- Lines that go to the heads of their lists later, while somebody has entries of these in hand.
local let_on_later = nil

-- Returns whether an entry of a ready list is a line.
local function is_line(entry)
  return #entry > #LINE and sub(entry, 1, #LINE) == LINE
end

local function line_in(entry)
  return sub(entry, #LINE + 1)
end

-- Returns the limits that a text names.
local function limits_in(text)
  local limits = parsed[text]
  if limits then return limits end
  local names = parse('>I2c0', text)
  limits = { names = names }
  local at, numbers = 1, 3 + #names
  while at <= #names do
    local length = parse('>I2', names, at + 1)
    local max, per = parse('>I4I6', text, numbers)
    limits[#limits + 1] = { field = sub(names, at, at) .. sub(names, at + 3, at + 2 + length), max = max, per = per }
    at, numbers = at + 3 + length, numbers + 10
  end
  parsed[text] = limits
  return limits
end

-- Returns a limit as it is stored; nothing if it is not in use.
local function stored_limit(field)
  local limit = limits_known[field]
  if limit == nil then
    local bytes = call('HGET', LIMITS, field)
    limit = false
    if bytes then
      limit = {}
      limit.max, limit.per, limit.since, limit.running, limit.not_before, limit.spent, limit.spots =
        parse(LIMIT_FORMAT, bytes)
    end
    limits_known[field] = limit
  end
  return limit
end

local function interval_of(limit)
  return math.ceil(limit.per * 1000 / limit.max)
end

-- Returns until when the starts so far use it up; a clock that was set back leaves no more than all of it.
local function spent_of(limit, time)
  return math.min(limit.spent, time * 1000 + interval_of(limit) * limit.max)
end

-- Returns 0 if a limit is open, when it opens if that is a question of time, else WHEN_ONE_LEAVES.
local function opens_at(limit, time)
  if limit.per == 0 and limit.running >= limit.max then return WHEN_ONE_LEAVES end
  local interval = interval_of(limit)
  local needed = spent_of(limit, time) + interval - interval * limit.max
  local at = math.max(math.ceil(needed / 1000), limit.not_before)
  return at > time and at or 0
end

-- Returns how many runs a limit lets start now.
local function places_of(limit, time)
  if opens_at(limit, time) ~= 0 then return 0 end
  if limit.per == 0 then return limit.max - limit.running end
  local interval = interval_of(limit)
  return math.floor((time * 1000 + interval * limit.max - math.max(spent_of(limit, time), time * 1000)) / interval)
end

local function is_idle(limit, time)
  return limit.running == 0 and limit.spots == 0 and limit.spent <= time * 1000 and limit.not_before <= time
end

-- Lets the next line of a spot on that waits for a limit, unless one is let on there.
local function let_on_at(field, limit, spot)
  local line = call('LPOP', P .. 'blocked:' .. spot .. ':' .. field)
  if not line then return end
  call('HSET', P .. 'spots:' .. field, spot, '1')
  put(LINES, line, '1' .. field)
  if let_on_later then
    let_on_later[#let_on_later + 1] = { P .. 'ready:' .. spot, LINE .. line }
  else
    call('LPUSH', P .. 'ready:' .. spot, LINE .. line)
  end
  bells[P .. 'bell:' .. string.gsub(spot, ':%a+:', ':', 1)] = true
  has_woken = true
end

-- Lets a line of each spot on if a limit is open.
local function let_on(field, limit, time)
  if limit.spots == 0 then return end
  local at = opens_at(limit, time)
  if at == 0 then
    local spots = call('HGETALL', P .. 'spots:' .. field)
    for index = 1, #spots, 2 do
      if spots[index + 1] == '0' then let_on_at(field, limit, spots[index]) end
    end
  elseif at > 0 then
    limits_changed[field] = true
  end
end

-- Takes the numbers of a run, if they are not older than those that count.
local function note_numbers(limits, since, time)
  for _, wanted in ipairs(limits) do
    local limit = stored_limit(wanted.field)
    if limit then
      if since >= limit.since or is_idle(limit, time) then
        limit.max, limit.per, limit.since = wanted.max, wanted.per, since
        limits_changed[wanted.field] = true
      end
      let_on(wanted.field, limit, time)
    end
  end
end

-- Returns the first limit that does not let a run start.
local function refusing(limits, time)
  for _, wanted in ipairs(limits) do
    local limit = stored_limit(wanted.field)
    if limit and opens_at(limit, time) ~= 0 then return wanted.field, limit end
  end
end

-- Returns how many runs of a line its limits let start, by the numbers that they have now.
local function places_for(line, time)
  local names, at, least = sub(line, string.find(line, '\n', 1, true) + 1), 1, MANY
  while at <= #names do
    local length = parse('>I2', names, at + 1)
    local limit = stored_limit(sub(names, at, at) .. sub(names, at + 3, at + 2 + length))
    if limit then least = math.min(least, places_of(limit, time)) end
    at = at + 3 + length
  end
  return math.max(least, 0)
end

local function used_limit(wanted, since)
  local limit = stored_limit(wanted.field)
  if not limit then
    limit = { max = wanted.max, per = wanted.per, since = since, running = 0, not_before = 0, spent = 0, spots = 0,
      is_new = true }
    limits_known[wanted.field] = limit
  end
  limits_changed[wanted.field] = true
  return limit
end

local function take_places(limits, since, time)
  for _, wanted in ipairs(limits) do
    local limit = used_limit(wanted, since)
    if limit.per == 0 then
      limit.running = limit.running + 1
    else
      limit.spent = math.max(spent_of(limit, time), time * 1000) + interval_of(limit)
      let_on(wanted.field, limit, time)
    end
  end
end

-- Lets a line wait for a limit, before or behind (`command`) the others.
local function block(line, spot, field, limit, command)
  call(command, P .. 'blocked:' .. spot .. ':' .. field, line)
  put(LINES, line, '0' .. field)
  if call('HSETNX', P .. 'spots:' .. field, spot, '0') == 1 then limit.spots = limit.spots + 1 end
  limits_changed[field] = true
end

-- Notes that the line of a spot that a limit had let on is out of the ready list.
local function is_served(field, spot, time)
  local limit = stored_limit(field)
  if not limit then return end
  call('HSET', P .. 'spots:' .. field, spot, '0')
  let_on(field, limit, time)
  if call('HGET', P .. 'spots:' .. field, spot) == '0'
    and call('EXISTS', P .. 'blocked:' .. spot .. ':' .. field) == 0 then
    call('HDEL', P .. 'spots:' .. field, spot)
    limit.spots = limit.spots - 1
    limits_changed[field] = true
  end
end

-- Returns the name of the line of a run, and whether it has runs in it.
local has_lines
local function line_of(spot, limits)
  if has_lines == nil then has_lines = call('EXISTS', LINES) == 1 end
  local line = spot .. '\n' .. limits.names
  return line, has_lines and get(LINES, line)
end

-- Puts a run that is given back to the head of its line, if it has one.
stand_back = function(run, text)
  local limits = limits_in(text)
  local line, exists = line_of(sub(ready_of(run), #P + 7), limits)
  if not exists then return false end
  call('LPUSH', P .. 'line:' .. line, sub(run, 5, 20))
  put(STANDING, sub(run, 5, 20), '1')
  return true
end

-- Takes the places of a run from it that leaves its consumer.
leave_places = function(text, time)
  for _, wanted in ipairs(limits_in(text)) do
    local limit = wanted.per == 0 and stored_limit(wanted.field)
    if limit then
      limit.running = math.max(limit.running - 1, 0)
      limits_changed[wanted.field] = true
      let_on(wanted.field, limit, time)
    end
  end
end

-- Lets lines on whose limit was waiting for this time.
opens = function(field, time)
  local limit = stored_limit(field)
  if limit then let_on(field, limit, time) end
end

-- Stores when a limit opens that lines wait for; rings if nothing else is due before.
local function note_opening(field, at)
  local member = OPENING .. field
  call('ZADD', DUE, at, member)
  if call('ZRANGE', DUE, 0, 0)[1] ~= member then return end
  for _, spot in ipairs(call('HKEYS', P .. 'spots:' .. field)) do
    bells[P .. 'bell:' .. string.gsub(spot, ':%a+:', ':', 1)] = true
  end
end

-- Writes the limits that have changed; forgets those that are as good as new.
write_limits = function()
  local time
  for field in pairs(limits_changed) do
    local limit = limits_known[field]
    time = time or now()
    if is_idle(limit, time) then
      if not limit.is_new then call('HDEL', LIMITS, field) end
    else
      call('HSET', LIMITS, field, pack(LIMIT_FORMAT, limit.max, limit.per, limit.since, limit.running,
        limit.not_before, limit.spent, limit.spots))
      local is_timed = limit.spent > 0 or limit.not_before > time
      if limit.is_new and is_timed or limit.running == 0 and limit.spots == 0 and limit.not_before > time then
        call('ZADD', P .. 'limits:looks', math.max(math.ceil(limit.spent / 1000), limit.not_before), field)
      end
      local at = limit.spots > 0 and opens_at(limit, time) or 0
      if at > 0 then note_opening(field, at) end
    end
  end
  limits_changed = {}
end
