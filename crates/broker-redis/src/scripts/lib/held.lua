-- What consumers hold: the hash `own:<consumer>`, by id. A held run is as it was before its claim.

-- Returns ids with the greatest first: given back to the head in this order, the least is served first.
local function latest_first(ids)
  local numbers = {}
  for _, id in ipairs(ids) do numbers[id] = { parse('>I6I6I4', id) } end
  table.sort(ids, function(a, b)
    local x, y = numbers[a], numbers[b]
    if x[1] ~= y[1] then return x[1] > y[1] end
    if x[2] ~= y[2] then return x[2] > y[2] end
    return x[3] > y[3]
  end)
  return ids
end

-- Returns a held run; one that somebody has broken is set aside, and counts as none.
local function held_run(own, id)
  local run = call('HGET', own, id)
  if run and not is_run(run) then
    call('RPUSH', P .. 'unreadable', run)
    local side = get(SIDE, id)
    local limits = side and select(4, parse('>I6I6I2c0I2c0', side)) or ''
    if not side and #run > 41 and carries(run) then limits = select(2, carried_by(run)) or '' end
    if limits ~= '' then leave_places(limits, now()) end
    return nil
  end
  return run
end

-- Gives a held run back to the head of its list, or ends it if that was asked for (`reason`).
local function give_back(run, reason, time, limits)
  local failures, crashes, parks = tallies_of(run)
  count(RUNNING, queue_of(run), -1)
  leave_consumer(run, time)
  if reason then
    local fields_count, fields = record_of(run)
    run = left_by_consumer(run, RUNNING, failures, crashes, parks)
    finish(run, CANCELLED, time, limits, fields_count + 1, fields .. reason)
  else
    put_ready(left_by_consumer(run, QUEUED, failures, crashes, parks), 'LPUSH')
  end
end
