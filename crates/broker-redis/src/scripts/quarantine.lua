#!lua flags=allow-oom
-- Sets aside a held run that its consumer cannot read; it stays in the list `unreadable`.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; consumer, id and attempt before the claim
-- reply 1 if it was held
-- bound 1 run
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local own, id = P .. 'own:' .. ARGV[4], sub(ARGV[5], 1, 16)
local run = call('HGET', own, id)
if not run or sub(run, 5, 24) ~= ARGV[5] then
  return 0
end
call('HDEL', own, id)
call('RPUSH', P .. 'unreadable', run)
leave_consumer(run, now())
local keep, workflow = leave_side(run)
if keep > 0 then tell(id) end
count(RUNNING, queue_of(run), -1)
pass_on(run, workflow, nil, now(), limits)
flush()
return 1
