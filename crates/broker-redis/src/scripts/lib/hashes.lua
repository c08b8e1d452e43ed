-- Hashes that a step reads and writes run by run: read for many runs at once, and written together by
-- `write_hashes`, so that their number costs few commands. A script that has this touches such a hash in no other way
-- once it has read anything of it here.
local load, get, loaded, put, write_hashes
do
  local values, puts = {}, {}

  local function values_of(hash)
    local known = values[hash]
    if not known then
      known = {}
      values[hash] = known
    end
    return known
  end

  -- Reads fields that will be asked for, of those that are not known yet.
  function load(hash, fields)
    local known, missing = values_of(hash), {}
    local number = 0
    for _, field in ipairs(fields) do
      if known[field] == nil then
        number = number + 1
        missing[number], known[field] = field, false
      end
    end
    for from = 1, number, MANY do
      local to = math.min(from + MANY - 1, number)
      for index, value in ipairs(call('HMGET', hash, unpack(missing, from, to))) do
        known[missing[from + index - 1]] = value
      end
    end
  end

  -- Returns the value of a field, or false.
  function get(hash, field)
    local known = values[hash] or values_of(hash)
    local value = known[field]
    if value == nil then
      value = call('HGET', hash, field)
      known[field] = value
    end
    return value
  end

  -- Returns what is at fields that were loaded, in their order, without what is none.
  function loaded(hash, fields)
    local known, found, number = values_of(hash), {}, 0
    for _, field in ipairs(fields) do
      if known[field] then
        number = number + 1
        found[number] = known[field]
      end
    end
    return found
  end

  -- Gives a field a value, or none (false). The fields are counted: to ask a long table for its length takes longer
  -- than all else here.
  function put(hash, field, value)
    local fields = puts[hash]
    if not fields then
      fields = { number = 0 }
      puts[hash] = fields
      values_of(hash)
    end
    local number = fields.number + 1
    values[hash][field] = value
    fields.number, fields[number] = number, field
  end

  -- Writes what was put.
  function write_hashes()
    for hash, fields in pairs(puts) do
      local known, stored, gone, written, removed = values[hash], {}, {}, 0, 0
      for _, field in ipairs(fields) do
        local value = known[field]
        if value then
          stored[written + 1], stored[written + 2] = field, value
          written = written + 2
        else
          removed = removed + 1
          gone[removed] = field
        end
      end
      in_pieces('HSET', hash, stored, 2)
      in_pieces('HDEL', hash, gone)
    end
    puts = {}
  end
end
