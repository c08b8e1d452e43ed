-- How a run leaves: the times it waits for, and what stands beside it.

-- Takes a run out of those that are due later, if it is found among those of its millisecond.
local function leave_due(run)
  forget_parked(run)
  local due = parse('>I6', run, 35)
  if due == LAST and call('ZREM', DUE, AWAITS .. sub(run, 5, 20)) == 1 then
    return
  end
  for _, member in ipairs(call('ZRANGEBYSCORE', DUE, due, due, 'LIMIT', 0, MANY)) do
    if sub(member, 7) == sub(run, 5, 20) then
      call('ZREM', DUE, member)
      return
    end
  end
end

-- Forgets what is kept beside a run; returns how long it asks to be kept, plus one, and what is said of its
-- workflow.
local function leave_side(run)
  local deadline, keep, keys, workflow = side_of(run)
  if not deadline then
    return 0, ''
  end
  local id = sub(run, 5, 20)
  if not carries(run) then put(SIDE, id, false) end
  if deadline > 0 then call('ZREM', P .. 'deadlines', id) end
  if keys ~= '' then give_back_key(key_in(keys), id) end
  if workflow ~= '' and parse('>I2', workflow) > 1 then call('DEL', P .. 'gathered:' .. id) end
  return keep, workflow
end
