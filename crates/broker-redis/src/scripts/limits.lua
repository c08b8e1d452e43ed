#!lua flags=no-writes,allow-stale
-- Tells how limits stand that runs share.
--
-- KEYS  meta, none
-- ARGV  the most limits; the most holders that are named; then the limits, c or r and key (none: those in use)
-- reply for each: c or r and key, number, time in ms, how many run, when it opens (0: now, or when a run
--       ends), how many wait, ids that hold its places, joined; the number is -1 for one that is not in use
-- bound `most` limits, the lines that wait for them, what consumers hold
local time, most, most_held = now(), tonumber(ARGV[1]), tonumber(ARGV[2])
local fields, held_by, reply = {}, {}, {}
for index = 3, #ARGV do fields[index - 2] = ARGV[index] end
if #fields == 0 then
  fields = call('HKEYS', LIMITS)
  table.sort(fields)
end
for index = 1, math.min(#fields, most) do held_by[fields[index]] = {} end

for _, consumer in ipairs(call('ZRANGE', P .. 'consumers', 0, -1)) do
  local held = {}
  for at, value in ipairs(call('HGETALL', P .. 'own:' .. consumer)) do
    if at % 2 == 0 then held[at / 2] = value end
  end
  load_sides(held)
  for _, run in ipairs(held) do
    local _, _, _, _, text = side_of(run)
    local id = sub(run, 5, 20)
    for _, wanted in ipairs(text and text ~= '' and limits_in(text) or {}) do
      local ids = wanted.per == 0 and held_by[wanted.field]
      if ids then ids[#ids + 1] = id end
    end
  end
end

local function waiting_for(field)
  local waiting = 0
  for _, spot in ipairs(call('HKEYS', P .. 'spots:' .. field)) do
    for _, line in ipairs(call('LRANGE', P .. 'blocked:' .. spot .. ':' .. field, 0, -1)) do
      waiting = waiting + call('LLEN', P .. 'line:' .. line)
    end
  end
  return waiting
end

for index = 1, math.min(#fields, most) do
  local field, at = fields[index], #reply
  local limit, ids = stored_limit(field), held_by[field]
  reply[at + 1] = field
  if limit then
    table.sort(ids)
    local opening = opens_at(limit, time)
    reply[at + 2], reply[at + 3], reply[at + 4] = limit.max, limit.per, limit.running
    reply[at + 5] = math.max(opening, 0)
    reply[at + 6], reply[at + 7] = waiting_for(field), table.concat(ids, '', 1, math.min(#ids, most_held))
  else
    reply[at + 2] = -1
    for part = 3, 6 do reply[at + part] = 0 end
    reply[at + 7] = ''
  end
end
return reply
