#!lua flags=allow-oom
-- Sets aside a held run that its consumer cannot read; it stays in the list `unreadable`.
--
-- KEYS  meta, none
-- ARGV  consumer, id and attempt before the claim
-- reply 1 if it was held
-- bound 1 run
local own, id = P .. 'own:' .. ARGV[1], sub(ARGV[2], 1, 16)
local run = call('HGET', own, id)
if not run or sub(run, 5, 24) ~= ARGV[2] then
  return 0
end
call('HDEL', own, id)
call('RPUSH', P .. 'unreadable', run)
leave_consumer(run, now())
if leave_side(run) > 0 then tell(id) end
count(RUNNING, queue_of(run), -1)
flush()
return 1
