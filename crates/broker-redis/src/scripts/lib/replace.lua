-- Gives a waiting run the parameters of a later call.

-- Returns where what says the queue begins, and what is behind it.
local function queue_part(run)
  local flags, at = byte(run, 2), 42 + byte(run, 41) + byte(run, 2) % 2 * 32
  return at, flags % 4 < 2 and at or at + 1 + byte(run, at)
end

-- Returns the new run with identity, place, counts, record and history of the old one; not with its checkpoint, which
-- belongs to other parameters.
local function spliced(old, new, state, due)
  local o, n = byte(old, 2), byte(new, 2)
  local flags = o % 32 - o % 8 + (o % 4 - o % 2) + n % 2 + (n % 8 - n % 4)
  local old_queue, old_behind = queue_part(old)
  local new_queue, new_behind = queue_part(new)
  local record = record_at(new)
  return sub(new, 1, 1) .. char(flags, state * 16 + byte(old, 3) % 16) .. sub(new, 4, 4) .. sub(old, 5, 20)
    .. sub(old, 21, 28) .. sub(new, 29, 34) .. time_bytes(due)
    .. sub(new, 41, new_queue - 1) .. sub(old, old_queue, old_behind - 1) .. sub(new, new_behind, record - 1)
    .. sub(old, record_at(old), block_at(old, 32) - 1) .. sub(new, record)
end

-- Returns which fair key and limits a text names, their numbers aside.
local function names_in(limits)
  return limits and limits ~= '' and parse('>I2c0', limits) or ''
end

-- Gives a run that stands in line what it shares now. With other keys it leaves the line and comes up next, and those decide;
-- with the same it keeps its place, and its numbers count.
local function share_anew(run, limits, new_limits, time)
  local id, ready = sub(run, 5, 20), ready_of(run)
  if not get(STANDING, id) then return end
  if names_in(limits) == names_in(new_limits) then return note_numbers(limits_in(new_limits), time, time) end
  put(STANDING, id, false)
  call('LREM', P .. 'line:' .. sub(ready, #P + 7) .. '\n' .. names_in(limits), 1, id)
  call('LPUSH', ready, '\0' .. id)
  bells[bell_of(run)] = true
end

-- Replaces the run that holds a key since some time, unless it has begun, is of another task or part of a workflow;
-- returns whether it did. `side` is what stands beside the new run.
local function replace(id, since, run, due, side, put_off, time)
  local old = get(RUNS, id)
  if not old or state_of(old) > QUEUED or task_of(old) ~= task_of(run) then return false end
  local deadline, keep, _, workflow, limits = side_of(old)
  if workflow and workflow ~= '' then return false end
  if deadline and deadline > 0 then call('ZREM', P .. 'deadlines', id) end
  put(SIDE, id, side)
  local new_deadline, new_keep, _, new_limits = parse('>I6I6I2c0I2c0', side)
  if keep and keep > 0 and new_keep == 0 then tell(id) end
  local old_due = parse('>I6', old, 35)
  if state_of(old) == QUEUED or old_due <= time then
    -- Its time has come, or had before the clock was set back: it keeps its turn.
    put(RUNS, id, spliced(old, run, state_of(old), old_due))
    note_deadline(old, new_deadline)
    share_anew(old, limits, new_limits, time)
    return true
  end
  if put_off > 0 then due = math.max(math.min(due, since + put_off - 1), time) end
  run = spliced(old, run, due > time and SCHEDULED or QUEUED, due)
  if #dues > 0 then
    -- What this request has put off before is found like all others.
    flush_dues()
    dues = {}
  end
  leave_due(old)
  count(SCHEDULED, queue_of(old), -1)
  if due > time then
    put_due(run, due)
  else
    put_ready(run, 'RPUSH')
  end
  return true
end
