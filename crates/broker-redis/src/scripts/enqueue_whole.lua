#!lua
-- Stores runs with new ids that stand in their ready lists whole: plain ones, and those that carry what they ask for
-- (lib/carried.lua). What `enqueue` does, for the most frequent requests, without all that it lacks. The runs come as they
-- are stored, so that nothing is put together here.
--
-- KEYS  meta, none
-- ARGV  producer, sequence, the time that the runs were given; then for each group: ready list, queue, bell
--       (without the prefix of the keys), the letter for a run whose unique key is held (empty: they have none), number,
--       the runs; if they have keys, for each the key, which is there once in the request, and what is written of it
-- reply {0, time, answers}: as of lib/admit.lua, none if all are queued; {1} if the sequence is older than the window
-- bound 512 runs
local producer, sequence, given = P .. 'sent:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local slot, time = tostring(sequence % 64), now()
local UNIQUE = P .. 'unique'

local known = call('HMGET', producer, 'newest', slot, 'kept')
local newest, answer = tonumber(known[1] or 0), known[2]
if sequence + 64 <= newest then
  return { 1 }
end
if answer and parse('>I8', answer) == sequence then
  return { 0, time, sub(answer, 9) }
end

local is_right = given <= time and time - given <= TRUSTED_FOR

-- Returns a run, or what is written of a holder, with the right time in so many places from one on.
local function timed(bytes, from, places)
  if is_right then return bytes end
  return sub(bytes, 1, from - 1) .. rep(time_bytes(time), places) .. sub(bytes, from + 6 * places)
end

-- The answers, by the place of the run in the request, of those that were not stored.
local answers, runs = {}, 0

-- Returns which of the runs from `ARGV[at]` on have keys that nobody holds, having given them their keys.
local function with_keys(at, number, letter)
  local keys_at, stored, keys, holds = at + number, {}, {}, {}
  for place = 1, number do keys[place] = ARGV[keys_at + 2 * place - 2] end
  for from = 1, number, MANY do
    local to = math.min(from + MANY - 1, number)
    for index, hold in ipairs(call('HMGET', UNIQUE, unpack(keys, from, to))) do
      local place = from + index - 1
      local over = hold and parse('>I6', hold, 23)
      if hold and (over == 0 or over > time) then
        answers[runs + place] = letter .. sub(hold, 1, 16)
      else
        local count = #stored + 1
        stored[count], holds[2 * count - 1] = timed(ARGV[at + place - 1], 29, 2), keys[place]
        holds[2 * count] = timed(ARGV[keys_at + 2 * place - 1], 17, 1)
      end
    end
  end
  in_pieces('HSET', UNIQUE, holds, 2)
  return stored
end

local at = 4
while ARGV[at] do
  local list, queue, bell = P .. ARGV[at], ARGV[at + 1], P .. ARGV[at + 2]
  local letter, number = ARGV[at + 3], tonumber(ARGV[at + 4])
  local first, stored = at + 5, number
  if letter == '' then
    for index = first, is_right and 0 or first + number - 1 do ARGV[index] = timed(ARGV[index], 29, 2) end
    for from = first, first + number - 1, MANY do
      call('RPUSH', list, unpack(ARGV, from, math.min(from + MANY, first + number) - 1))
    end
    at = first + number
  else
    local free = with_keys(first, number, letter)
    in_pieces('RPUSH', list, free)
    stored, at = #free, first + 3 * number
  end
  runs = runs + number
  if stored > 0 then
    call('HINCRBY', LENGTHS, '1' .. queue, stored)
    if call('EXISTS', bell) == 0 then call('RPUSH', bell, '1') end
  end
end

answer = ''
if next(answers) then
  for place = 1, runs do answers[place] = answers[place] or '1' end
  answer = table.concat(answers)
end
call('HSET', producer, 'newest', sequence > newest and ARGV[2] or known[1], slot, pack('>I8', sequence) .. answer)
-- A producer that has been silent for an hour repeats nothing any more.
if math.abs(time - tonumber(known[3] or 0)) > 600000 then
  call('HSET', producer, 'kept', time)
  call('PEXPIRE', producer, 3600000)
end
return { 0, time, answer }
