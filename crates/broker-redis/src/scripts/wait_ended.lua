#!lua flags=allow-oom
-- Looks whether a run has ended; if it has not and keeps its result, notes that a process waits for it.
--
-- KEYS  meta, none
-- ARGV  id, process, how long it waits in ms, the most processes that wait for one run
-- reply {0} there is nothing to wait for, {1, the run} it has ended, {2} noted, {3} too many wait
-- bound 1 run
local id, process, wait, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
-- What stands beside a run goes with its end.
local side = call('HGET', SIDE, id)
if not side then
  call('HDEL', WAITING, id)
  local run = call('HGET', RUNS, id)
  if run and is_run(run) and state_of(run) > RETRYING then
    return { 1, run }
  end
  return { 0 }
end
if parse('>I6', side, 7) == 0 then
  return { 0 }
end
local time, others, number = now(), '', 0
local before = call('HGET', WAITING, id) or ''
for at = 1, #before, 38 do
  local until_time = parse('>I6', before, at + 32)
  if sub(before, at, at + 31) == process then
    wait = math.max(wait, until_time - time)
  elseif until_time > time then
    others, number = others .. sub(before, at, at + 37), number + 1
  end
end
if number >= most then
  return { 3 }
end
call('HSET', WAITING, id, others .. process .. time_bytes(math.min(time + wait, LAST)))
return { 2 }
