#!lua
-- Stores one plain run: what `enqueue` does, for the most frequent request, without all that it lacks.
--
-- KEYS  meta, none
-- ARGV  producer, sequence, id, its bytes before the times, those behind them, its ready list, its queue, its
--       bell (without the prefix of the keys)
-- reply {0, answers} or {1}, as `enqueue`
-- bound 1 run
local producer, sequence, id = P .. 'sent:' .. ARGV[1], tonumber(ARGV[2]), ARGV[3]
local slot, answer = sequence % 64, '1'
local known = call('HMGET', producer, 'newest', slot)
local newest = tonumber(known[1] or 0)
if sequence <= newest then
  if sequence + 64 <= newest then
    return { 1 }
  elseif known[2] and parse('>I8', known[2]) == sequence then
    return { 0, sub(known[2], 9) }
  end
end
local seen = P .. 'seen'
if call('SISMEMBER', seen, id) + call('SISMEMBER', P .. 'seen:before', id) > 0 then
  answer = 'D' .. id
else
  local time = time_bytes(now())
  call('RPUSH', P .. ARGV[6], ARGV[4] .. time .. time .. ARGV[5])
  call('SADD', seen, id)
  call('HINCRBY', LENGTHS, '1' .. ARGV[7], 1)
  if call('EXISTS', P .. ARGV[8]) == 0 then call('RPUSH', P .. ARGV[8], '1') end
end
-- What grows slowly is looked after now and then.
if slot == 0 and call('SCARD', seen) >= 4096 then
  call('UNLINK', P .. 'seen:before')
  call('RENAME', seen, P .. 'seen:before')
end
call('HSET', producer, 'newest', math.max(newest, sequence), slot, pack('>I8', sequence) .. answer)
call('PEXPIRE', producer, 3600000)
return { 0, answer }
