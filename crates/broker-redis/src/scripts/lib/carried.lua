-- What a run carries for scripts.
--
-- A run that asks for nothing but a key and limits may carry the texts of these (lib/beside.lua): behind its parameters, each
-- behind its length in 2 bytes, and then the length of all that in 2 bytes. 128 among its flags says so. It is stored whole in
-- its ready list, as a plain run is, and its key has one byte more than others have, until somebody needs it by its id.
local CARRIES = 128

-- Returns whether a run carries what stands beside others.
local function carries(run)
  return byte(run, 2) >= CARRIES
end

-- Returns the keys and the limits that a run carries; nothing if they are broken.
local carried_by
do
  local keys, limits = {}, {}

  function carried_by(run)
    if limits[run] then return keys[run] or '', limits[run] end
    local last = #run - 2
    local from = last + 1 - parse('>I2', run, last + 1)
    if from < 42 or from + 3 > last then return nil end
    local limits_at = from + 2 + parse('>I2', run, from)
    if limits_at + 1 > last or limits_at + 1 + parse('>I2', run, limits_at) ~= last then return nil end
    limits[run] = sub(run, limits_at + 2, last)
    if limits_at > from + 2 then keys[run] = sub(run, from + 2, limits_at - 1) end
    return keys[run] or '', limits[run]
  end
end

-- Returns a run, which is whole, without what it carries.
local function unburdened(run)
  local from = #run - 1 - parse('>I2', run, #run - 1)
  return sub(run, 1, 1) .. char(byte(run, 2) - CARRIES) .. sub(run, 3, from - 1)
end
