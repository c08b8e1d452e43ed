#!lua
-- Stores new runs; refused when memory is full.
--
-- KEYS  meta, none
-- ARGV  producer, sequence, limits of queues, 1 if it may ask for runs to be brought (else 0), then the runs:
--       lib/admit.lua
-- reply {0, answers}: for each run its answer (lib/admit.lua); {1} if the sequence is older than the window; {2, ids}
--       if these runs are to be brought before (bring.lua)
-- bound 512 runs
local sequence = tonumber(ARGV[2])
local replay, slot = P .. 'sent:' .. ARGV[1], sequence % 64

local known = call('HMGET', replay, 'newest', slot)
local newest, answer = tonumber(known[1] or 0), known[2]
if sequence + 64 <= newest then
  return { 1 }
end
if answer and parse('>I8', answer) == sequence then
  return { 0, sub(answer, 9) }
end
local answers, to_bring = admit(5, now(), ARGV[3], ARGV[4] == '1')
if to_bring then
  return { 2, to_bring }
end
call('HSET', replay, 'newest', math.max(newest, sequence), slot, pack('>I8', sequence) .. answers)
-- A producer that has been silent for so long repeats nothing any more.
call('PEXPIRE', replay, 3600000)
return { 0, answers }
