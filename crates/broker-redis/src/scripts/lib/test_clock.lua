-- The time: of a key that only tests set.
local TRUSTED_FOR = 0

local function now()
  return tonumber(call('GET', P .. 'clock'))
end
