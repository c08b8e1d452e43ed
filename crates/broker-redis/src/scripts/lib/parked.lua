-- Parked runs: the zset `parked`, by the time until which they are; members are id and task.
local PARKED = P .. 'parked'

-- Notes a run that is parked; it is forgotten with whatever takes the run from among the due.
local function note_parked(run, due)
  call('ZADD', PARKED, due, sub(run, 5, 20) .. task_of(run))
end

-- Queues parked runs that a new consumer takes and knows: these are its lanes (l and the number), queues (q) and
-- tasks (t), each behind its length. The first 1000 are looked at.
local function wake_parked(names, time)
  local known, at = {}, 1
  while at <= #names do
    local name
    name, at = parse('>Bc0', names, at)
    known[name] = true
  end
  for _, member in ipairs(call('ZRANGE', PARKED, 0, 999)) do
    local id = sub(member, 1, 16)
    local run = known['t' .. sub(member, 17)] and get(RUNS, id)
    if run and is_run(run) and known['q' .. queue_of(run)] and known['l' .. byte(run, 3) % 4] then
      local _, _, parks = tallies_of(run)
      if state_of(run) == SCHEDULED and parks > 0 and parse('>I6', run, 35) > time then
        leave_due(run)
        count(SCHEDULED, queue_of(run), -1)
        put(RUNS, id, false)
        put_ready(in_state(run, QUEUED), 'RPUSH')
      end
    end
  end
end
