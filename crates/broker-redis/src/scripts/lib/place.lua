-- The places of a run and the moves between them. Moves are noted and written together by `flush`.
local counts, tallies, ends, bells, dues = {}, {}, {}, {}, {}

-- What lib/limits.lua does, in scripts where runs move.
local leave_places, opens, write_limits

-- What a limit has in front, among the due times, where a run has its number, which is not 0.
local OPENING = '\0\0\0\0\0\0'

local function count(state, queue, by)
  local field = state .. queue
  counts[field] = (counts[field] or 0) + by
end

-- Takes a run from its consumer that has limits: its places are free.
local function leave_consumer(run, time)
  local _, _, _, _, limits = side_of(run)
  if limits and limits ~= '' then leave_places(limits, time) end
end

local function note_deadline(run, deadline)
  if deadline and deadline > 0 then
    call('ZADD', P .. 'deadlines', deadline, sub(run, 5, 20))
  end
end

-- Puts a run into its ready list, itself if it is plain, else its id, and the run beside; or into its line.
local function put_ready(run, command)
  local entry, rings, deadline, _, _, _, limits = run, true, side_of(run)
  if deadline then
    entry = '\0' .. sub(run, 5, 20)
    put(RUNS, sub(run, 5, 20), run)
    note_deadline(run, deadline)
    if limits ~= '' and (command == 'LPUSH' or is_fair(limits)) then
      local opened, goes_on = stand(run, limits, command)
      if opened then entry, rings = opened, goes_on end
    end
  end
  if entry ~= '' then
    if command == 'RPUSH' then
      put_at_tail(ready_of(run), entry)
    else
      call(command, ready_of(run), entry)
    end
  end
  if rings then bells[bell_of(run)] = true end
  count(QUEUED, queue_of(run), 1)
end

-- Puts a run among those that are due later.
local function put_due(run, due)
  put(RUNS, sub(run, 5, 20), run)
  note_deadline(run, (side_of(run)))
  dues[#dues + 1] = { due, run }
  count(state_of(run), queue_of(run), 1)
end

-- Before the id of a run that waits for others, among those that are due later.
local AWAITS = rep('\255', 6)

-- Puts a run among those that are due later, to wait there for others.
local function put_awaiting(run)
  put(RUNS, sub(run, 5, 20), run)
  call('ZADD', DUE, LAST, AWAITS .. sub(run, 5, 20))
  count(SCHEDULED, queue_of(run), 1)
end

-- Stores the times of those that are due later; rings for a new earliest one.
local function flush_dues()
  local last, added = call('INCRBY', P .. 'due:last', #dues), {}
  local values = {}
  for index, due in ipairs(dues) do
    local member = pack('>I6', last - #dues + index) .. sub(due[2], 5, 20)
    added[member] = due[2]
    values[index * 2 - 1], values[index * 2] = due[1], member
  end
  in_pieces('ZADD', DUE, values, 2)
  local earliest = added[call('ZRANGE', DUE, 0, 0)[1]]
  if earliest then bells[bell_of(earliest)] = true end
end

-- Writes what was noted: counts, what is known of tasks, due times, and at last the bells.
local function flush()
  if #dues > 0 then flush_dues() end
  if write_limits then write_limits() end
  write_hashes()
  flush_tails()
  for field, by in pairs(counts) do
    if by ~= 0 then call('HINCRBY', LENGTHS, field, by) end
  end
  for field, by in pairs(tallies) do call('HINCRBY', P .. 'tasks', field, by) end
  for task, how in pairs(ends) do call('HSET', P .. 'tasks', 'e' .. task, how) end
  for bell in pairs(bells) do
    if call('EXISTS', bell) == 0 then call('RPUSH', bell, '1') end
  end
end
