-- Runs that are stored by id, and those of them that are due.

-- Returns a run that is stored by id; one that somebody has broken is set aside, and counts as none.
local function stored_run(id, run)
  if run and not is_run(run) then
    put(RUNS, id, false)
    call('RPUSH', P .. 'unreadable', run)
    return nil
  end
  return run
end

-- The most due runs that one step moves.
local PROMOTED = 256

-- Moves due runs to the tails of their lists, and lets lines on whose limit opens now.
local function promote(time)
  local members = call('ZRANGEBYSCORE', DUE, '-inf', time, 'LIMIT', 0, PROMOTED)
  if #members == 0 then
    return
  end
  call('ZREMRANGEBYRANK', DUE, 0, #members - 1)
  local ids = {}
  for index, member in ipairs(members) do
    ids[index] = sub(member, 7)
    if sub(member, 1, 6) == OPENING then opens(ids[index], time) end
  end
  load(RUNS, ids)
  load_sides(loaded(RUNS, ids))
  for _, id in ipairs(ids) do
    local run = stored_run(id, get(RUNS, id))
    local state = run and state_of(run)
    if (state == SCHEDULED or state == RETRYING) and parse('>I6', run, 35) <= time then
      forget_parked(run)
      run = in_state(run, QUEUED)
      local entry, deadline, _, _, _, limits = run, side_of(run)
      if deadline then
        put(RUNS, id, run)
        entry = limits ~= '' and is_fair(limits) and stand(run, limits, 'RPUSH') or '\0' .. id
      else
        put(RUNS, id, false)
      end
      local queue = queue_of(run)
      if entry ~= '' then put_at_tail(ready_of(run), entry) end
      bells[bell_of(run)] = true
      count(state, queue, -1)
      count(QUEUED, queue, 1)
    end
  end
  flush_tails()
end
