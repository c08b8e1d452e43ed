-- How a run ends: what is kept of it, what is freed, and what is known of its task.

local function tally(what, task)
  local field = what .. task
  tallies[field] = (tallies[field] or 0) + 1
end

-- Keeps an ended run for a time, plus one; tells who waits for its end.
local function keep_ended(run, state, time, keep, limits, is_awaited, fields_count, fields)
  local id, ended = sub(run, 5, 20), '\168ended_at\207' .. pack('>I8', time)
  if carries(run) then run = unburdened(run) end
  if byte(run, 2) >= 64 then run = with_checkpoint(run) end
  run = with_record(in_state(run, state), fields_count + 1, ended .. fields)
  put(RUNS, id, run)
  if is_awaited then tell(id, run) end
  call('ZADD', P .. 'kept', math.min(time + keep - 1, LAST), id)
  if call('ZCARD', P .. 'kept') > limits[3] then
    put(RUNS, call('ZPOPMIN', P .. 'kept')[1], false)
  end
end

-- Ends a run that has left its place; `limits` are the retentions of failed and of other runs, and the
-- most that are kept. Fields are added to its record; `result` is that of its result, if it has one.
local function finish(run, state, time, limits, fields_count, fields, result)
  local task, keep, workflow = task_of(run), leave_side(run)
  local is_awaited = keep > 0
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
  if keep > 0 then keep_ended(run, state, time, keep, limits, is_awaited, fields_count, fields) end
  if workflow ~= '' then pass_on(run, workflow, state, time, limits, fields_count, fields, result) end
end

-- Ends a waiting run; what is left of it in a list is passed over there, once.
function finish_waiting(run, state, time, limits, fields_count, fields)
  if state_of(run) == QUEUED then
    -- One that stands in the line of its limits is passed over there, not where it may be queued anew.
    local stands = has_options(run) and get(STANDING, sub(run, 5, 20))
    if stands then put(STANDING, sub(run, 5, 20), false) end
    call('HINCRBY', P .. 'stale', (stands and '+' or '') .. sub(run, 5, 20), 1)
  else
    leave_due(run)
  end
  count(state_of(run), queue_of(run), -1)
  put(RUNS, sub(run, 5, 20), false)
  finish(run, state, time, limits, fields_count, fields)
end
