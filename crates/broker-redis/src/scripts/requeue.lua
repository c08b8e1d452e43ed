#!lua
-- Queues an ended run anew, if it is still as the caller has seen it.
--
-- KEYS  meta, none
-- ARGV  id, the run as it was seen, the run with fresh budgets and without record and deadline,
--       what stands beside it (empty: nothing), what it asks for by keys (empty: nothing); then for each run in line behind
--       it that has ended with it: id, as it was seen, as it waits again, what stands beside it
-- reply 1 if it was queued, 0 if another run has its unique key, 2 if it is no longer as it was seen
-- bound 1 run, and 64 in line behind it
local id, before, run, side, keys = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if get(RUNS, id) ~= before then
  return 2
end
local time = now()
if keys ~= '' then
  local asked = keyed(keys)
  local holder = asked.key ~= '' and holder_of(UNIQUE, asked.key, time)
  if holder and holder ~= id then return 0 end
  -- A window counts from when the run was accepted.
  if asked.key ~= '' and asked.scope ~= FOR_A_WINDOW then hold_key(UNIQUE, asked.key, id, time, 0) end
end
put(RUNS, id, false)
call('ZREM', P .. 'kept', id)
if side ~= '' then put(SIDE, id, side) end
put_ready(in_state(sub(run, 1, 34) .. time_bytes(time) .. sub(run, 41), QUEUED), 'RPUSH')
for at = 6, #ARGV, 4 do
  if get(RUNS, ARGV[at]) ~= ARGV[at + 1] then break end
  call('ZREM', P .. 'kept', ARGV[at])
  put(SIDE, ARGV[at], ARGV[at + 3])
  put_awaiting(ARGV[at + 2])
end
flush()
return 1
