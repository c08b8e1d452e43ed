-- The time: of a key that only tests set.
local function now()
  return tonumber(call('GET', P .. 'clock'))
end
