-- The time: of the server, in milliseconds.

-- How old a time may be, in milliseconds, that a producer has taken from an earlier answer.
local TRUSTED_FOR = 1000

local function now()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
