-- The places of a run and the moves between them. Moves are noted and written together by `flush`.
local counts, tallies, ends, bells, dues = {}, {}, {}, {}, {}

local function count(state, queue, by)
  local field = state .. queue
  counts[field] = (counts[field] or 0) + by
end

local function tally(what, task)
  local field = what .. task
  tallies[field] = (tallies[field] or 0) + 1
end

-- Returns deadline, retention and unique key of a run that has such; nothing for a plain one.
local function side_of(run)
  local side = has_options(run) and call('HGET', SIDE, sub(run, 5, 20))
  if not side then
    return nil
  end
  local deadline, keep = parse('>I6I6', side)
  return deadline, keep, sub(side, 13)
end

local function note_deadline(run, deadline)
  if deadline and deadline > 0 then
    call('ZADD', P .. 'deadlines', deadline, sub(run, 5, 20))
  end
end

-- Puts a run into its ready list: itself if it is plain, else its id, and the run beside.
local function put_ready(run, command)
  local entry, deadline = run, side_of(run)
  if deadline then
    entry = '\0' .. sub(run, 5, 20)
    call('HSET', RUNS, sub(run, 5, 20), run)
    note_deadline(run, deadline)
  end
  call(command, ready_of(run), entry)
  bells[bell_of(run)] = true
  count(QUEUED, queue_of(run), 1)
end

-- Puts a run among those that are due later.
local function put_due(run, due)
  call('HSET', RUNS, sub(run, 5, 20), run)
  note_deadline(run, (side_of(run)))
  dues[#dues + 1] = { due, run }
  count(state_of(run), queue_of(run), 1)
end

-- Takes a run out of those that are due later, if it is found among those of its millisecond.
local function leave_due(run)
  local due = parse('>I6', run, 35)
  for _, member in ipairs(call('ZRANGEBYSCORE', DUE, due, due, 'LIMIT', 0, MANY)) do
    if sub(member, 7) == sub(run, 5, 20) then
      call('ZREM', DUE, member)
      return
    end
  end
end

-- Forgets what is kept beside a run; returns how long it asks to be kept, plus one.
local function leave_side(run)
  local deadline, keep, unique = side_of(run)
  if not deadline then
    return 0
  end
  local id = sub(run, 5, 20)
  call('HDEL', SIDE, id)
  if deadline > 0 then call('ZREM', P .. 'deadlines', id) end
  if unique ~= '' and call('HGET', P .. 'unique', unique) == id then
    call('HDEL', P .. 'unique', unique)
  end
  return keep
end

-- Ends a run that has left its place; `limits` are the retentions of failed and of other runs, and the
-- most that are kept. Fields are added to its record.
local function finish(run, state, time, limits, fields_count, fields)
  local task, id, keep = task_of(run), sub(run, 5, 20), leave_side(run)
  if state == SUCCEEDED then
    tally('s', task)
  elseif state == FAILED then
    tally('f', task)
  end
  ends[task] = char(state) .. time_bytes(time)
  if state == FAILED then
    keep = math.max(keep, limits[1] + 1)
  elseif state ~= SUCCEEDED then
    keep = math.max(keep, limits[2] + 1)
  end
  if keep == 0 then
    return
  end
  local ended = '\168ended_at\207' .. pack('>I8', time)
  call('HSET', RUNS, id, with_record(in_state(run, state), fields_count + 1, ended .. fields))
  call('ZADD', P .. 'kept', math.min(time + keep - 1, LAST), id)
  if call('ZCARD', P .. 'kept') > limits[3] then
    call('HDEL', RUNS, call('ZPOPMIN', P .. 'kept')[1])
  end
end

-- Ends a waiting run; what is left of it in a list is passed over there, once.
local function finish_waiting(run, state, time, limits, fields_count, fields)
  if state_of(run) == QUEUED then
    call('HINCRBY', P .. 'stale', sub(run, 5, 20), 1)
  else
    leave_due(run)
  end
  count(state_of(run), queue_of(run), -1)
  call('HDEL', RUNS, sub(run, 5, 20))
  finish(run, state, time, limits, fields_count, fields)
end

-- Returns a run that is stored by id; one that somebody has broken is set aside, and counts as none.
local function stored_run(id, run)
  if run and not is_run(run) then
    call('HDEL', RUNS, id)
    call('RPUSH', P .. 'unreadable', run)
    return nil
  end
  return run
end

-- The most due runs that one step moves.
local PROMOTED = 256

-- Moves due runs to the tails of their lists.
local function promote(time)
  local members = call('ZRANGEBYSCORE', DUE, '-inf', time, 'LIMIT', 0, PROMOTED)
  if #members == 0 then
    return
  end
  call('ZREMRANGEBYRANK', DUE, 0, #members - 1)
  local ids, lists, gone = {}, {}, {}
  for index, member in ipairs(members) do ids[index] = sub(member, 7) end
  for index, run in ipairs(call('HMGET', RUNS, unpack(ids))) do
    run = stored_run(ids[index], run)
    local state = run and state_of(run)
    if (state == SCHEDULED or state == RETRYING) and parse('>I6', run, 35) <= time then
      run = in_state(run, QUEUED)
      local entry = run
      if side_of(run) then
        entry = '\0' .. ids[index]
        call('HSET', RUNS, ids[index], run)
      else
        gone[#gone + 1] = ids[index]
      end
      local key, queue = ready_of(run), queue_of(run)
      local list = lists[key] or {}
      lists[key], list[#list + 1] = list, entry
      bells[bell_of(run)] = true
      count(state, queue, -1)
      count(QUEUED, queue, 1)
    end
  end
  in_pieces('HDEL', RUNS, gone)
  for key, list in pairs(lists) do in_pieces('RPUSH', key, list) end
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
  for field, by in pairs(counts) do
    if by ~= 0 then call('HINCRBY', LENGTHS, field, by) end
  end
  for field, by in pairs(tallies) do call('HINCRBY', P .. 'tasks', field, by) end
  for task, how in pairs(ends) do call('HSET', P .. 'tasks', 'e' .. task, how) end
  for bell in pairs(bells) do
    if call('EXISTS', bell) == 0 then call('RPUSH', bell, '1') end
  end
end
