-- Looks runs up by id: among those that are stored by id, at consumers, in lists.

-- Where a run was found.
local BY_ID, HELD, LISTED = 1, 2, 3

-- The most entries of lists that one step looks at.
local LOOKED_AT = 1000

-- Returns the ready lists of every queue, and the list of entries that are set aside.
local function all_lists()
  local lists, seen = { P .. 'aside' }, {}
  for _, field in ipairs(call('HKEYS', LENGTHS)) do
    local queue = sub(field, 2)
    if not seen[queue] then
      seen[queue] = true
      for _, place in pairs(PLACES) do lists[#lists + 1] = P .. 'ready:' .. place .. queue end
    end
  end
  return lists
end

local function look_in(found, wanted, list, from, to)
  -- Counted from the tail, a part may begin before the head.
  if from < 0 then from = math.max(from + call('LLEN', list), 0) end
  for index, entry in ipairs(call('LRANGE', list, from, to)) do
    local id = sub(entry, 5, 20)
    if byte(entry) > 0 and wanted[id] and not found[id] then
      found[id] = { LISTED, entry, list = list, index = from + index - 1 }
    end
  end
end

-- Returns what is found of these ids, and whether all places were looked at. With a list, only a part of
-- that list is looked at; without one all lists are, if they are short together.
local function locate(ids, list, from, to)
  local found, wanted, missing = {}, {}, 0
  for index, run in ipairs(call('HMGET', RUNS, unpack(ids))) do
    if run then found[ids[index]] = { BY_ID, run } end
  end
  for _, consumer in ipairs(call('ZRANGE', P .. 'consumers', 0, -1)) do
    for index, run in ipairs(call('HMGET', P .. 'own:' .. consumer, unpack(ids))) do
      if run then found[ids[index]] = { HELD, run, consumer = consumer } end
    end
  end
  for _, id in ipairs(ids) do
    if not found[id] then wanted[id], missing = true, missing + 1 end
  end
  if missing == 0 then return found, true end
  if list ~= '' then
    look_in(found, wanted, list, from, to)
    return found, true
  end
  local lists, entries = all_lists(), 0
  for _, key in ipairs(lists) do entries = entries + call('LLEN', key) end
  if entries > LOOKED_AT then return found, false end
  for _, key in ipairs(lists) do look_in(found, wanted, key, 0, -1) end
  return found, true
end
