-- The time: of the server, in milliseconds.

-- How old a time may be, in milliseconds, that a producer has taken from an earlier answer.
local TRUSTED_FOR = 1000

-- Returns the time of the step: the same for all of it. A limit that is closed for one part of a step must not have
-- opened for another, or nobody would look at it again.
local now
do
  local of_step
  function now()
    if not of_step then
      local time = call('TIME')
      of_step = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    return of_step
  end
end
