-- Asking for the end of a run.

-- Ends a run that waits, asks for the end of one that is held; returns the answer of `cancel`. `place` is where
-- it was found (lib/locate.lua), `reason` a field, `limits` are those of `finish`.
local function cancel(id, place, reason, time, limits)
  local kind, run = place[1], place[2]
  if kind == HELD then
    call('HSETNX', P .. 'asked:' .. place.consumer, id, reason)
    return 'R'
  end
  -- What was cancelled before may have changed it: a run that another follows ends that as well.
  if kind == BY_ID then run = get(RUNS, id) end
  if not run then return 'U' end
  if kind == BY_ID and state_of(run) > RETRYING then
    return tostring(state_of(run))
  end
  -- A plain run is in its list: there the id takes its place, and is passed over.
  if kind == LISTED then call('LSET', place.list, place.index, '\0' .. id) end
  local fields_count, fields = record_of(run)
  finish_waiting(run, CANCELLED, time, limits, fields_count + 1, fields .. reason)
  return 'C'
end
