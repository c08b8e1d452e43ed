#!lua flags=no-writes,allow-stale
-- Looks runs up.
--
-- KEYS  meta, none
-- ARGV  list, from, to (of a part of a list to look at; empty for all, if they are short), then the ids
-- reply {1 if all was looked at, then for each id: the run, with where it is in front (1 by its id,
--       2 held, 3 in a list), or an empty text; of a held one what it reports, behind its length in 2 bytes, is
--       between the two}
-- bound 512 ids, 1000 entries of lists, the number of consumers
local ids = {}
for index = 4, #ARGV do ids[index - 3] = ARGV[index] end
local found, is_complete = locate(ids, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]))

-- Returns what a held run reports in its attempt: time, and how far it is; nothing if it does not.
local function progress_of(id, place)
  local progress = call('HGET', P .. 'progress:' .. place.consumer, id)
  return progress and sub(progress, 1, 4) == sub(place[2], 21, 24) and sub(progress, 5) or ''
end

local reply = { is_complete and 1 or 0 }
for index, id in ipairs(ids) do
  local place = found[id]
  if place and place[1] == HELD then
    local progress = progress_of(id, place)
    reply[index + 1] = char(HELD) .. pack('>I2', #progress) .. progress .. place[2]
  else
    reply[index + 1] = place and char(place[1]) .. place[2] or ''
  end
end
return reply
