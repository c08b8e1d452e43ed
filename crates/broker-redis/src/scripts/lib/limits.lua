-- Limits that runs share: how many of a key run at once, how many start in a time.
--
-- The hash `limits` has those that are in use, by c or r and key. How many run is counted in the steps that give a run
-- to a consumer and take it away, so it is always the number of runs in `own:…`. How many lines share it is counted where
-- these are opened and closed: as long as there are some it keeps its numbers.
-- A line (lib/lines.lua) that waits is in the list `blocked:<spot>:<limit>`. The hash `spots:<limit>` has where lines
-- wait, and whether one of them was let on there: at most one is, and it lets the next one on.
local LIMITS = P .. 'limits'
local LIMIT_FORMAT = '>I4I6I6I4I6I8I2I4'

-- Returned for a limit that opens when a run leaves its consumer.
local WHEN_ONE_LEAVES = -1

local limits_known, limits_changed, has_woken = {}, {}, false

-- Lines that go to the heads of their lists later, while somebody has entries of these in hand.
local let_on_later = nil

-- Reads the limits that some texts name.
local function load_limits_in(texts)
  local fields, is_seen = {}, {}
  for _, text in ipairs(texts) do
    if not is_seen[text] then
      is_seen[text] = true
      for _, wanted in ipairs(limits_in(text)) do fields[#fields + 1] = wanted.field end
    end
  end
  load(LIMITS, fields)
end

-- Reads the limits of some runs, of which is known what stands beside them.
local function load_limits(runs)
  local texts = {}
  for _, run in ipairs(runs) do
    local _, _, _, _, text = side_of(run)
    if text and text ~= '' then texts[#texts + 1] = text end
  end
  load_limits_in(texts)
end

-- Returns a limit as it is stored; nothing if it is not in use.
local function stored_limit(field)
  local limit = limits_known[field]
  if limit == nil then
    local bytes = get(LIMITS, field)
    limit = false
    if bytes then
      limit = {}
      -- A release that counts no lines writes none.
      limit.max, limit.per, limit.since, limit.running, limit.not_before, limit.spent, limit.spots, limit.lines =
        parse(LIMIT_FORMAT, #bytes < 40 and bytes .. '\0\0\0\0' or bytes)
      limit.was_spent = limit.spent > 0
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
  if limit.per == 0 then
    if limit.running >= limit.max then return WHEN_ONE_LEAVES end
    return limit.not_before > time and limit.not_before or 0
  end
  local interval = interval_of(limit)
  local needed = spent_of(limit, time) + interval - interval * limit.max
  local at = math.max(math.ceil(needed / 1000), limit.not_before)
  return at > time and at or 0
end

local function is_idle(limit, time)
  return limit.running == 0 and limit.lines == 0 and limit.spent <= time * 1000 and limit.not_before <= time
end

local let_on
do
  -- Lets the next line of a spot on that waits for a limit, unless one is let on there: to the head of its ready list, or to
  -- the tail if its runs take turns with others.
  local function let_on_at(field, limit, spot)
    local line = call('LPOP', P .. 'blocked:' .. spot .. ':' .. field)
    if not line then return end
    call('HSET', P .. 'spots:' .. field, spot, '1')
    if takes_turns(line) then
      note_line(line, true, parse('>I2', get(LINES, line), 2), field)
      -- What this step has put there before stands before it.
      flush_tails()
      call('RPUSH', P .. 'ready:' .. spot, LINE .. line)
    else
      note_line(line, true, 0, field)
      if let_on_later then
        let_on_later[#let_on_later + 1] = { P .. 'ready:' .. spot, LINE .. line }
      else
        call('LPUSH', P .. 'ready:' .. spot, LINE .. line)
      end
    end
    bells[P .. 'bell:' .. string.gsub(spot, ':%a+:', ':', 1)] = true
    has_woken = true
  end

  -- Lets a line of each spot on if a limit is open.
  function let_on(field, limit, time)
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
end

-- Takes the numbers of a run, if they are not older than those that count; others may let lines on.
note_numbers = function(limits, since, time)
  for _, wanted in ipairs(limits) do
    local limit = stored_limit(wanted.field)
    if limit and (since >= limit.since or is_idle(limit, time)) then
      local are_same = limit.max == wanted.max and limit.per == wanted.per
      limit.max, limit.per, limit.since = wanted.max, wanted.per, since
      limits_changed[wanted.field] = true
      if not are_same and limit.spots > 0 then let_on(wanted.field, limit, time) end
    end
  end
end

local function used_limit(wanted, since)
  local limit = stored_limit(wanted.field)
  if not limit then
    limit = { max = wanted.max, per = wanted.per, since = since, running = 0, not_before = 0, spent = 0, spots = 0,
      lines = 0, is_new = true }
    limits_known[wanted.field] = limit
  end
  limits_changed[wanted.field] = true
  return limit
end

use_limits = function(limits, since)
  for _, wanted in ipairs(limits) do
    local limit = used_limit(wanted, since)
    limit.lines = limit.lines + 1
  end
end

leave_limits = function(fields)
  for _, field in ipairs(fields) do
    local limit = stored_limit(field)
    if limit then
      limit.lines = math.max(limit.lines - 1, 0)
      limits_changed[field] = true
    end
  end
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

-- Lets a line wait for a limit, in a turn of which so many have started: behind the others; or before them if that limit
-- had let it on, and has closed since: then none is let on there any more.
local function block(line, turn, spot, field, limit, had_let_on)
  call(had_let_on and 'LPUSH' or 'RPUSH', P .. 'blocked:' .. spot .. ':' .. field, line)
  note_line(line, false, turn, field)
  if call(had_let_on and 'HSET' or 'HSETNX', P .. 'spots:' .. field, spot, '0') == 1 then
    limit.spots = limit.spots + 1
  end
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

-- Takes places of a limit from runs that leave their consumer.
local function leave_limit(field, number, time)
  local limit = stored_limit(field)
  if limit then
    limit.running = math.max(limit.running - number, 0)
    limits_changed[field] = true
    let_on(field, limit, time)
  end
end

-- Takes the places of a run from it that leaves its consumer.
leave_places = function(text, time)
  for _, wanted in ipairs(limits_in(text)) do
    if wanted.per == 0 then leave_limit(wanted.field, 1, time) end
  end
end

-- Lets lines on whose limit was waiting for this time.
opens = function(field, time)
  local limit = stored_limit(field)
  if limit then let_on(field, limit, time) end
end

do
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
      limit.spent = spent_of(limit, time)
      if is_idle(limit, time) then
        if not limit.is_new then put(LIMITS, field, false) end
      else
        put(LIMITS, field, pack(LIMIT_FORMAT, limit.max, limit.per, limit.since, limit.running,
          limit.not_before, limit.spent, limit.spots, limit.lines))
        local is_timed = limit.spent > 0 or limit.not_before > time
        local is_looked_at = limit.was_spent and not limit.is_new
        if is_timed and not is_looked_at or limit.running == 0 and limit.lines == 0 and limit.not_before > time then
          call('ZADD', P .. 'limits:looks', math.max(math.ceil(limit.spent / 1000), limit.not_before), field)
        end
        local at = limit.spots > 0 and opens_at(limit, time) or 0
        if at > 0 then note_opening(field, at) end
      end
    end
    limits_changed = {}
  end
end
