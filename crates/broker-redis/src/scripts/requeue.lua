#!lua
-- Queues an ended run anew, if it is still as the caller has seen it.
--
-- KEYS  meta, none
-- ARGV  id, the run as it was seen, the run with fresh budgets and without record and deadline,
--       what stands beside it (empty: nothing), its unique key (empty: none)
-- reply 1 if it was queued, 0 if it cannot be, 2 if it is no longer as it was seen
-- bound 1 run
local id, before, run, side, unique = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if call('HGET', RUNS, id) ~= before then
  return 2
end
if unique ~= '' and call('HSETNX', P .. 'unique', unique, id) == 0 then
  return 0
end
local time = now()
call('HDEL', RUNS, id)
call('ZREM', P .. 'kept', id)
if side ~= '' then call('HSET', SIDE, id, side) end
put_ready(in_state(sub(run, 1, 34) .. time_bytes(time) .. sub(run, 41), QUEUED), 'RPUSH')
flush()
return 1
