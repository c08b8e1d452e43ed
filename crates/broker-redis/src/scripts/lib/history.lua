-- The failed attempts of a run: a block behind its record (docs/WIRE.md).

local with_failure
do
  -- The most that are kept of a run: the last.
  local MOST_ATTEMPTS = 16

  local function consumer_bytes(consumer)
    return (string.gsub(consumer, '..', function(digits) return char(tonumber(digits, 16)) end))
  end

  -- Returns the entries without the first, if there are as many as are kept.
  local function with_room(entries)
    local count, from = 0, 1
    while from < #entries do
      count, from = count + 1, from + 2 + parse('>I2', entries, from)
    end
    return count < MOST_ATTEMPTS and entries or sub(entries, 3 + parse('>I2', entries))
  end

  -- Returns a run that has left its consumer with one failed attempt more; `tail` is kind and message.
  function with_failure(run, consumer, time, tail)
    local flags, at, entries = byte(run, 2), block_at(run, 16), ''
    local rest = at
    if flags % 32 >= 16 then
      rest = at + 4 + parse('>I4', run, at)
      entries = with_room(sub(run, at + 4, rest - 1))
    else
      flags = flags + 16
    end
    entries = entries .. pack('>I2', 26 + #tail) .. sub(run, 21, 24) .. time_bytes(time) .. consumer_bytes(consumer) .. tail
    return sub(run, 1, 1) .. char(flags) .. sub(run, 3, at - 1) .. pack('>I4', #entries) .. entries .. sub(run, rest)
  end
end
