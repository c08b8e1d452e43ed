-- What every script begins with: names of keys, numbers as bytes.
--
-- KEYS[1] is `{…}:meta`, which always exists; KEYS[2] is `{…}:none`, which never does. A cluster that
-- moves the slot therefore refuses the whole script (TRYAGAIN) and never stops one half way, so that
-- further keys of the same slot can be named here, from the prefix of the first.
local call, byte, sub, char, rep = redis.call, string.byte, string.sub, string.char, string.rep
local pack, parse = struct.pack, struct.unpack
local P = sub(KEYS[1], 1, -5)
local RUNS, SIDE, DUE, LENGTHS = P .. 'runs', P .. 'side', P .. 'due', P .. 'lengths'

-- States of a run, as on the wire.
local SCHEDULED, QUEUED, RUNNING, RETRYING = 0, 1, 2, 3
local SUCCEEDED, FAILED, CANCELLED, EXPIRED = 4, 5, 6, 7

-- The last millisecond of the year 9999.
local LAST = 253402300799999

-- The most values that one command is given at once.
local MANY = 500

-- Most times are that of the step.
local last_time, last_bytes
local function time_bytes(time)
  if time ~= last_time then last_time, last_bytes = time, pack('>I6', time) end
  return last_bytes
end

-- Calls a command with a key and any number of values, in bounded pieces; `step` values belong together.
local function in_pieces(command, key, values, step)
  local most = MANY - MANY % (step or 1)
  for from = 1, #values, most do
    call(command, key, unpack(values, from, math.min(from + most - 1, #values)))
  end
end
