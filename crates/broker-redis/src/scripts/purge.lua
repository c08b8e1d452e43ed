#!lua flags=allow-oom
-- Removes waiting and delayed runs of a queue.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; queue, the most to remove, the rank among the due to go on from (-1: lists as well)
-- reply {removed, 1 if there may be more, the next rank}
-- bound `most` runs, 512 due runs of any queue, 512 entries that are set aside, the number of lines
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local queue, most, rank = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local removed, time, are_ranks_moved = 0, now(), false

local function drop(run)
  count(state_of(run), queue, -1)
  forget_parked(run)
  local keep, workflow = leave_side(run)
  if keep > 0 then tell(sub(run, 5, 20)) end
  put(RUNS, sub(run, 5, 20), false)
  removed = removed + 1
  -- What follows it ends, or is released: it is no longer among those that are due later.
  if workflow ~= '' then
    pass_on(run, workflow, nil, time, limits)
    are_ranks_moved = true
  end
end

-- Drops the run of an entry of a list; an entry that is passed over drops nothing.
local kept = {}
local function drop_entry(entry, stands)
  if is_line(entry) then
    -- A line of runs, which are dropped from there. It is forgotten with the last, unless a limit has let it on.
    local line = line_in(entry)
    local is_let_on = #(get(LINES, line) or '') > 3
    if takes_turns(line) and not is_let_on and call('EXISTS', P .. 'line:' .. line) == 0 then
      close_line(line)
    else
      kept[#kept + 1] = entry
    end
    return
  end
  if byte(entry) > 0 then return drop(entry) end
  local id = sub(entry, 2)
  local run, stale = get(RUNS, id), (stands and '+' or '') .. id
  if call('HEXISTS', P .. 'stale', stale) == 1 then
    if call('HINCRBY', P .. 'stale', stale, -1) <= 0 then call('HDEL', P .. 'stale', stale) end
  elseif run and state_of(run) == QUEUED then
    drop(run)
  end
end

if rank < 0 then
  rank = 0
  for _, line in ipairs(call('HKEYS', LINES)) do
    local spot = string.match(line, '^[^\n]*')
    while removed < most and string.match(spot, '^%a+:%a+:(.*)$') == queue do
      local ids = call('LPOP', P .. 'line:' .. line, math.min(most - removed, MANY))
      if not ids then break end
      for _, id in ipairs(ids) do drop_entry('\0' .. id, true) end
      for _, id in ipairs(ids) do put(STANDING, id, false) end
    end
  end
  for _, place in pairs(PLACES) do
    while removed < most do
      local entries = call('LPOP', P .. 'ready:' .. place .. queue, math.min(most - removed, MANY))
      if not entries then break end
      for _, entry in ipairs(entries) do drop_entry(entry) end
    end
    in_pieces('LPUSH', P .. 'ready:' .. place .. queue, kept)
    if #kept > 0 then bells[P .. 'bell:' .. string.match(place, '^%a+:') .. queue], kept = true, {} end
  end
  for _ = 1, math.min(call('LLEN', P .. 'aside'), MANY) do
    local entry = call('LPOP', P .. 'aside')
    local run = byte(entry) > 0 and entry or get(RUNS, sub(entry, 2))
    if run and queue_of(run) == queue and removed < most then
      drop_entry(entry)
    else
      call('RPUSH', P .. 'aside', entry)
    end
  end
end

local members = removed < most and call('ZRANGE', DUE, rank, rank + MANY - 1) or {}
local looked_at = #members
for _, member in ipairs(members) do
  local run = get(RUNS, sub(member, 7))
  if run and removed < most and queue_of(run) == queue and state_of(run) ~= QUEUED and state_of(run) <= RETRYING then
    call('ZREM', DUE, member)
    looked_at = looked_at - 1
    drop(run)
  end
end
flush()
if removed >= most then return { removed, 0, -1 } end
-- What was released stands in a list now, or among the due, and is of the queue as well.
if are_ranks_moved then return { removed, 1, -1 } end
return { removed, #members < MANY and 0 or 1, rank + looked_at }
