#!lua
-- Stores runs by their ids that are nowhere but in their ready lists, so that they can be changed.
--
-- KEYS  meta, none
-- ARGV  list, from, to (of a part of a list to look at; empty for all, if they are short), then the ids
-- reply 1 if there is nothing more to look for, else 0
-- bound 512 ids, 1000 entries of lists, the number of consumers
local ids, missing = {}, false
for index = 4, #ARGV do ids[index - 3] = ARGV[index] end
local found, is_complete = locate(ids, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]))

for _, id in ipairs(ids) do
  local place = found[id]
  if not place then
    missing = true
  else
    local run = place[2]
    if place[1] == LISTED then
      call('LSET', place.list, place.index, '\0' .. id)
      put(RUNS, id, run)
    end
    -- From now on its key says that it is found by its id, or has begun.
    local _, _, keys = side_of(run)
    local key = keys and key_in(keys) or ''
    local hold = key ~= '' and get(UNIQUE, key)
    if hold and sub(hold, 1, 16) == id then put(UNIQUE, key, sub(hold, 1, 28)) end
  end
end
write_hashes()
return (is_complete and ARGV[1] == '' or not missing) and 1 or 0
