-- The counts and the record of attempts of a run, read and changed in place.

-- Returns failures, crashes and parks.
local function tallies_of(run)
  local failures, crashes, parks = parse('>I2BB', run, 25)
  return failures, crashes, parks
end

-- Returns a held run as it leaves its consumer: one attempt more than when it was claimed.
local function left_by_consumer(run, state, failures, crashes, parks, due)
  return sub(run, 1, 2) .. char(state * 16 + byte(run, 3) % 16) .. sub(run, 4, 20)
    .. pack('>I4I2BB', math.min(parse('>I4', run, 21) + 1, 4294967295), math.min(failures, 65535),
      math.min(crashes, 255), math.min(parks, 255))
    .. sub(run, 29, 34) .. (due and time_bytes(due) or sub(run, 35, 40)) .. sub(run, 41)
end

-- Returns where the record of attempts is, or would be.
local function record_at(run)
  local flags, at = byte(run, 2), 42 + byte(run, 41)
  if flags % 2 >= 1 then at = at + 32 end
  if flags % 4 >= 2 then at = at + 1 + byte(run, at) end
  if flags % 8 >= 4 then at = at + 4 + parse('>I4', run, at) end
  return at
end

-- Returns how many fields the record has, and the fields as they are written.
local function record_of(run)
  if byte(run, 2) % 16 < 8 then
    return 0, ''
  end
  local at = record_at(run)
  return byte(run, at + 4) - 128, sub(run, at + 5, at + 3 + parse('>I4', run, at))
end

-- Returns the run with a record of these fields, in place of another.
local function with_record(run, count, fields)
  local flags, at = byte(run, 2), record_at(run)
  local rest = at
  if flags % 16 >= 8 then
    rest = at + 4 + parse('>I4', run, at)
  else
    flags = flags + 8
  end
  return sub(run, 1, 1) .. char(flags) .. sub(run, 3, at - 1)
    .. pack('>I4', #fields + 1) .. char(128 + count) .. fields .. sub(run, rest)
end

-- Returns where the block of a flag is, or would be: blocks stand in the order of their flags, from 8 on.
local function block_at(run, flag)
  local flags, at, each = byte(run, 2), record_at(run), 8
  while each < flag do
    if flags % (each * 2) >= each then at = at + 4 + parse('>I4', run, at) end
    each = each * 2
  end
  return at
end

-- Returns what is in the last checkpoint of a run: attempt, number, time, value; nothing if there is none.
local function checkpoint_of(run)
  if byte(run, 2) % 128 < 64 then
    return nil
  end
  local at = block_at(run, 64)
  return sub(run, at + 4, at + 3 + parse('>I4', run, at))
end

-- Returns the run with that checkpoint, in place of another; without a value without one.
local function with_checkpoint(run, value)
  local flags, at = byte(run, 2), block_at(run, 64)
  local rest = at
  if flags % 128 >= 64 then
    flags, rest = flags - 64, at + 4 + parse('>I4', run, at)
  end
  local block = value and pack('>I4', #value) .. value or ''
  return sub(run, 1, 1) .. char(value and flags + 64 or flags) .. sub(run, 3, at - 1) .. block .. sub(run, rest)
end

-- Returns whether an entry is a run that scripts can read: of this version, and whole.
local function is_run(entry)
  local version, flags, kind = byte(entry, 1, 3)
  if #entry < 42 or #entry > LARGEST or version ~= 1 or not PLACES[kind % 16] then
    return false
  end
  local at = 42 + byte(entry, 41)
  if flags % 2 >= 1 then at = at + 32 end
  if flags % 4 >= 2 then at = at + 1 + (byte(entry, at) or LARGEST) end
  -- Blocks behind their lengths: the options, the record, the history, and whatever stands behind them.
  local flag, left = 4, flags % CARRIES - flags % 4
  while left > 0 do
    if left % (flag * 2) >= flag then
      if at + 3 > #entry then return false end
      at, left = at + 4 + parse('>I4', entry, at), left - flag
    end
    flag = flag * 2
  end
  return at <= #entry + 1 and (flags < CARRIES or carried_by(entry) ~= nil)
end
