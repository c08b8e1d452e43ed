#!lua flags=allow-oom
-- Renews the lease of a consumer, and settles who holds what.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; consumer, lease ms (0: it ends, if the consumer holds nothing), answered
--       sequence,
--       what the consumer says of itself (empty: what it said before), what it takes (lib/parked.lua),
--       number of reports, then for each: id and attempt before the claim, 20 bytes, how far the run is;
--       then for each run that the consumer believes to hold: id and attempt before the claim, 20 bytes
-- reply {lost, cancels, released}: ids that it does not hold, joined; id and reason of each run that is
--       to end; how many runs it did not know of were given back
-- bound what one consumer holds, and what it held when it last reported; 1000 parked runs
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local consumer, lease, answered = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local own, asked = P .. 'own:' .. consumer, P .. 'asked:' .. consumer
local time = now()

if lease > 0 then call('ZADD', P .. 'consumers', 'GT', math.min(time + lease, LAST), consumer) end
local is_new = ARGV[7] ~= '' and call('HSET', P .. 'introductions', consumer, ARGV[7]) == 1

local lost, listed, held = {}, {}, 0
local first = 10 + 2 * tonumber(ARGV[9])
for from = first, #ARGV, MANY do
  local ids = {}
  for index = from, math.min(from + MANY - 1, #ARGV) do ids[#ids + 1] = sub(ARGV[index], 1, 16) end
  for index, run in ipairs(call('HMGET', own, unpack(ids))) do
    if run and not listed[ids[index]] then held = held + 1 end
    listed[ids[index]] = true
    if not run or sub(run, 5, 24) ~= ARGV[from + index - 1] then lost[#lost + 1] = ids[index] end
  end
end

-- What is held and not listed, unless a claim whose answer may be under way has taken it.
local orphans = {}
if call('HLEN', own) > held then
  local replies = call('HGETALL', P .. 'replay:' .. consumer)
  for index = 1, #replies, 2 do
    local answer = replies[index + 1]
    if tonumber(replies[index]) and parse('>I8', answer) > answered then
      for from = 11 + parse('>I2', answer, 9), #answer, 20 do
        listed[sub(answer, from, from + 15)] = true
      end
    end
  end
  for _, id in ipairs(call('HKEYS', own)) do
    if not listed[id] then orphans[#orphans + 1] = id end
  end
end
for _, id in ipairs(latest_first(orphans)) do
  local run = held_run(own, id)
  call('HDEL', own, id)
  if run then give_back(run, call('HGET', asked, id), time, limits) end
  call('HDEL', asked, id)
end

-- Keeps what runs report, with the attempt and the time; what is kept of runs that are gone goes.
local function note_reports(last)
  local progress, noted = P .. 'progress:' .. consumer, {}
  for index = 10, last, 2 do
    local token, id = ARGV[index], sub(ARGV[index], 1, 16)
    local run = call('HGET', own, id)
    if run and sub(run, 5, 24) == token then
      noted[#noted + 1], noted[#noted + 2] = id, sub(token, 17) .. time_bytes(time) .. ARGV[index + 1]
    end
  end
  in_pieces('HSET', progress, noted, 2)
  if call('HLEN', progress) * 2 > #noted then
    for _, id in ipairs(call('HKEYS', progress)) do
      if call('HEXISTS', own, id) == 0 then call('HDEL', progress, id) end
    end
  end
end
if first > 10 then note_reports(first - 1) end
if is_new then wake_parked(ARGV[8], time) end

-- The next beat of another consumer removes what is left of it.
if lease == 0 and call('EXISTS', own) == 0 then call('ZADD', P .. 'consumers', 'XX', time, consumer) end

flush()
return { table.concat(lost), call('HGETALL', asked), #orphans }
