#!lua
-- Stores plain runs with new ids: what `enqueue` does, for the most frequent request, without all that it
-- lacks. The runs come as they are stored, so that nothing is put together here.
--
-- KEYS  meta, none
-- ARGV  producer, sequence, the time that the runs were given; then for each group: ready list, queue, bell
--       (without the prefix of the keys), number, the runs
-- reply {0, time} if all are queued; {1} if the sequence is older than the window
-- bound 512 runs
local producer, sequence, given = P .. 'sent:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local slot, time = tostring(sequence % 64), now()

local known = call('HMGET', producer, 'newest', slot, 'kept')
local newest, answer = tonumber(known[1] or 0), known[2]
if sequence + 64 <= newest then
  return { 1 }
end
if answer and parse('>I8', answer) == sequence then
  return { 0, time }
end

-- Writes the time into runs that were given a wrong one.
local function correct(from, to)
  local times = time_bytes(time) .. time_bytes(time)
  for index = from, to do
    ARGV[index] = sub(ARGV[index], 1, 28) .. times .. sub(ARGV[index], 41)
  end
end

local is_right = given <= time and time - given <= TRUSTED_FOR
local at = 4
while ARGV[at] do
  local list, queue, bell, number = P .. ARGV[at], ARGV[at + 1], P .. ARGV[at + 2], ARGV[at + 3]
  local last = at + 3 + number
  if not is_right then correct(at + 4, last) end
  for from = at + 4, last, MANY do
    call('RPUSH', list, unpack(ARGV, from, math.min(from + MANY - 1, last)))
  end
  call('HINCRBY', LENGTHS, '1' .. queue, number)
  if call('EXISTS', bell) == 0 then call('RPUSH', bell, '1') end
  at = last + 1
end

call('HSET', producer, 'newest', sequence > newest and ARGV[2] or known[1], slot, pack('>I8', sequence))
-- A producer that has been silent for an hour repeats nothing any more.
if math.abs(time - tonumber(known[3] or 0)) > 600000 then
  call('HSET', producer, 'kept', time)
  call('PEXPIRE', producer, 3600000)
end
return { 0, time }
