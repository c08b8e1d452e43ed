-- What follows a run: the follow-up that waits for its end, and what that has got so far.
--
-- The third text beside a run: how many runs it waits for (0: none), 2 bytes; what it takes, 1 byte (1: it
-- runs however they end, 2: their values, 4: as a list); its delay after them in ms, 6 bytes; then, if
-- another waits for it, the id of that, 16 bytes, and its own place among those that are waited for, 2 bytes.
-- The hash `gathered:<id>` has the parts of the input of a run that waits, by place, and their `bytes`.
local finish_waiting

local pass_on
do
  -- The largest input.
  local LARGEST_INPUT = 1048576

  -- How a run has ended, in words, and as it is written.
  local ENDS = { [FAILED] = 'failed', [CANCELLED] = 'was cancelled', [EXPIRED] = 'has expired' }
  local NAMES = { [FAILED] = 'failed', [CANCELLED] = 'cancelled', [EXPIRED] = 'expired' }

  local function waits_for_others(run)
    return state_of(run) == SCHEDULED and parse('>I6', run, 35) == LAST
  end

  -- Returns a text as MessagePack.
  local function packed(text)
    if #text < 32 then return char(160 + #text) .. text end
    return (#text < 256 and '\217' .. char(#text) or '\218' .. pack('>I2', #text)) .. text
  end

  -- Returns the value of the field `result` of a record; that of no field is nil.
  local function value_of(field)
    if not field or field == '' then return '\192' end
    local header = byte(field, 8)
    return sub(field, header == 196 and 10 or header == 197 and 11 or 13)
  end

  -- Returns an id as people read it.
  local function hyphenated(id)
    local hex = string.gsub(id, '.', function(c) return string.format('%02x', byte(c)) end)
    return string.gsub(hex, '^(........)(....)(....)(....)(.*)$', '%1-%2-%3-%4-%5')
  end

  -- Returns the run with its input.
  local function with_input(run, input)
    local flags, at = byte(run, 2), block_at(run, 32)
    if flags % 64 >= 32 then return run end
    return sub(run, 1, 1) .. char(flags + 32) .. sub(run, 3, at - 1) .. pack('>I4', #input) .. input .. sub(run, at)
  end

  -- Returns the part of an input that an ended run gives.
  local function part_of(run, state, mode, fields_count, fields, result)
    if mode % 4 < 2 then return '' end
    if state == SUCCEEDED then
      return (mode % 2 == 1 and '\129\162Ok' or '') .. value_of(result)
    end
    if not NAMES[state] then
      fields_count, fields = record_of(run)
      fields_count, fields = fields_count + 1, fields .. '\166reason' .. packed('it was removed before it ended')
    end
    return '\129\163Err' .. char(130 + fields_count) .. '\164task' .. packed(task_of(run))
      .. '\165state' .. packed(NAMES[state] or 'cancelled') .. fields
  end

  -- Adds a part; returns all of them, once they are there, and their bytes.
  local function gather(id, number, place, part)
    local key = P .. 'gathered:' .. id
    if call('HEXISTS', key, place) == 1 then return nil end
    local bytes, places = call('HINCRBY', key, 'bytes', #part), {}
    -- What is too large is not sent to anybody: it need not be remembered.
    call('HSET', key, place, bytes > LARGEST_INPUT and '' or part)
    if call('HLEN', key) <= number then return nil end
    for index = 1, number do places[index] = index - 1 end
    return table.concat(call('HMGET', key, unpack(places))), bytes
  end

  -- Puts a run that waited for others where it waits like any other.
  local function release(run, input, delay, time)
    local due = math.min(time + delay, LAST)
    leave_due(run)
    count(SCHEDULED, queue_of(run), -1)
    call('DEL', P .. 'gathered:' .. sub(run, 5, 20))
    run = sub(run, 1, 28) .. time_bytes(time) .. time_bytes(due) .. sub(run, 41)
    if input then run = with_input(run, input) end
    if delay > 0 then return put_due(run, due) end
    put_ready(in_state(run, QUEUED), 'RPUSH')
  end

  local function cancel_follow_up(run, reason, time, limits)
    local fields_count, fields = record_of(run)
    finish_waiting(run, CANCELLED, time, limits, fields_count + 1, fields .. '\166reason' .. packed(reason))
  end

  -- Tells the follow-up of a run that it has ended, or was removed (no `state`): its third text, its fields,
  -- and the field of its result.
  function pass_on(run, text, state, time, limits, fields_count, fields, result)
    if #text < 27 then return end
    local id, place = sub(text, 10, 25), parse('>I2', text, 26)
    local follow_up = get(RUNS, id)
    if not follow_up or not is_run(follow_up) or not waits_for_others(follow_up) then return end
    local _, _, _, own = side_of(follow_up)
    local number, mode, delay = parse('>I2BI6', own)
    if state ~= SUCCEEDED and mode % 2 == 0 then
      local how = ENDS[state] or 'was removed'
      local who = '`' .. task_of(run) .. '` (run ' .. hyphenated(sub(run, 5, 20)) .. ')'
      return cancel_follow_up(follow_up, 'it follows ' .. who .. ', which ' .. how, time, limits)
    end
    local input = part_of(run, state, mode, fields_count, fields, result)
    local bytes = #input
    if number > 1 then
      input, bytes = gather(id, number, place, input)
      if not input then return end
    end
    if mode % 8 >= 4 then
      input = (number < 16 and char(144 + number) or '\220' .. pack('>I2', number)) .. input
    end
    if math.max(bytes, #input) > LARGEST_INPUT then
      return cancel_follow_up(follow_up, 'the results of the runs that it follows are over the limit of a payload'
        .. ' together: store them elsewhere and return where', time, limits)
    end
    release(follow_up, mode % 4 >= 2 and input, delay, time)
  end
end
