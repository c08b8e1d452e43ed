#!lua
-- Keeps a value of a held run for the attempts that follow; refused when memory is full.
--
-- KEYS  meta, none
-- ARGV  consumer, id and attempt before the claim, 20 bytes, number of the checkpoint, value
-- reply 1 if it is kept, or a newer one of the attempt is; 0 if the consumer does not hold the run
-- bound 1 run
local own, token, number = P .. 'own:' .. ARGV[1], ARGV[2], tonumber(ARGV[3])
local id = sub(token, 1, 16)
local run = call('HGET', own, id)
if not run or sub(run, 5, 24) ~= token then
  return 0
end
local attempt = pack('>I4', math.min(parse('>I4', token, 17) + 1, 4294967295))
local last = checkpoint_of(run)
if not last or sub(last, 1, 4) ~= attempt or parse('>I4', last, 5) < number then
  call('HSET', own, id, with_checkpoint(run, attempt .. pack('>I4', number) .. time_bytes(now()) .. ARGV[4]))
end
return 1
