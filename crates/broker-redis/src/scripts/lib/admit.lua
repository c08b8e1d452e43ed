-- Stores new runs.
--
-- Plain runs, which are due now and ask for nothing, come in groups: first 4 bytes, queue, number, then for each: id,
-- and the bytes behind the times. Any other run is three arguments: its 28 bytes before the times, those behind them,
-- and what it asks for: how it is due (0 now, 1 after so long, 2 at; 4 more if its deadline is a time; 8 more if its id
-- is new), due ms, deadline or time until it in ms + 1, kept for ms + 1, where in the second part its deadline stands,
-- the texts that stand beside it. Such runs that are stored together, all or none, come behind 5 bytes: `all`, and
-- their number in 2.
local admit
do
  local SEEN, SEEN_BEFORE = P .. 'seen', P .. 'seen:before'

  -- How many ids are remembered at least, beside those of runs that are stored by id. The more, the more each
  -- look-up costs: this many stay in the processor's cache.
  local REMEMBERED = 4096

  -- Returns which of some ids have been stored before.
  local function known_ids(ids)
    local known = {}
    for from = 1, #ids, MANY do
      local to = math.min(from + MANY - 1, #ids)
      local now_known = call('SMISMEMBER', SEEN, unpack(ids, from, to))
      local then_known = call('SMISMEMBER', SEEN_BEFORE, unpack(ids, from, to))
      for index = 1, to - from + 1 do
        if now_known[index] + then_known[index] > 0 then known[ids[from + index - 1]] = true end
      end
    end
    return known
  end

  -- Remembers ids that were stored; forgets the elder half once there are enough of the younger. An id that was
  -- refused is not remembered: it may be queued again.
  local stored = {}
  local function remember_stored()
    in_pieces('SADD', SEEN, stored)
    if call('SCARD', SEEN) >= REMEMBERED then
      call('UNLINK', SEEN_BEFORE)
      call('RENAME', SEEN, SEEN_BEFORE)
    end
  end

  -- What runs ask for that are not plain, by where they stand in `ARGV`.
  local wanted_at = {}

  -- Notes what a run asks for.
  local function read_wanted(at)
    local more = ARGV[at + 2]
    local how, keys = byte(more), parse('>I2c0', more, 24)
    local wanted = { id = sub(ARGV[at], 5, 20), is_new = how >= 8, keys = keys ~= '' and keyed(keys) }
    wanted_at[at] = wanted
    return wanted
  end

  -- Returns the run with its times, when it is due, what stands beside it, and whether it waits for others.
  local function complete(head, tail, more, time)
    local how, due, expires, keep, at = parse('>BI6I6I6I4', more)
    local texts, deadline, is_time = sub(more, 24), 0, how % 8 >= 4
    local _, _, workflow = parse('>I2c0I2c0I2c0', texts)
    how = how % 4
    due = math.min(how == 0 and time or how == 1 and time + due or math.max(due, time), LAST)
    if expires > 0 then
      deadline = math.min((is_time and 0 or time) + expires - 1, LAST)
      tail = sub(tail, 1, at - 1) .. pack('>I8', deadline) .. sub(tail, at + 8)
    end
    local run = head .. time_bytes(time) .. time_bytes(due) .. tail
    if due > time then run = in_state(run, SCHEDULED) end
    local is_plain = deadline == 0 and keep == 0 and not string.find(texts, '[^%z]')
    local is_awaiting = workflow ~= '' and parse('>I2', workflow) > 0
    if is_awaiting then run = in_state(sub(run, 1, 34) .. time_bytes(LAST) .. sub(run, 41), SCHEDULED) end
    return run, due, not is_plain and pack('>I6I6', deadline, keep) .. texts, is_awaiting
  end

  -- Returns whether a queue has room for so many more runs, if there is a limit; they take it.
  local lengths = {}
  local function has_room(queue, most, number)
    local limit = most[queue]
    if not limit then return true end
    if not lengths[queue] then
      lengths[queue] = 0
      for _, length in ipairs(call('HMGET', LENGTHS, '0' .. queue, '1' .. queue, '2' .. queue, '3' .. queue)) do
        lengths[queue] = lengths[queue] + tonumber(length or 0)
      end
    end
    lengths[queue] = lengths[queue] + number
    return lengths[queue] <= limit
  end

  -- Stores plain runs of one queue, lane and priority from `ARGV[at]` on; adds an answer for each.
  local function admit_plain(at, time, most, known, answers)
    local prefix, queue, number = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local list, done = {}, #answers
    local middle = '\0\0\0\0\0\0\0\0' .. time_bytes(time) .. time_bytes(time)
    at = at + 2
    for index = 1, number do
      local id = ARGV[at - 1 + index * 2]
      if known[id] then
        answers[done + index] = 'D' .. id
      elseif not has_room(queue, most, 1) then
        answers[done + index] = 'F'
      else
        known[id], answers[done + index], stored[#stored + 1] = true, '1', id
        list[#list + 1] = prefix .. id .. middle .. ARGV[at + index * 2]
      end
    end
    local kind = byte(prefix, 3) % 16
    flush_tails()
    in_pieces('RPUSH', P .. 'ready:' .. PLACES[kind] .. queue, list)
    if #list > 0 then
      bells[P .. 'bell:' .. LANES[kind % 4] .. queue] = true
      count(QUEUED, queue, #list)
    end
    return at + 1 + number * 2
  end

  -- Stores a run, unless another one holds its unique key; returns its answer, and the run that stands for it.
  local function admit_keyed(run, due, side, keys, is_awaiting, time, most)
    local id, queue = sub(run, 5, 20), queue_of(run)
    local unique = keys and keys.key ~= '' and keys.key
    if unique then
      local holder, since = holder_of(UNIQUE, unique, time)
      if holder and (keys.rule == REFUSE
        or keys.rule == REPLACE and not replace(holder, since, run, due, side, keys.put_off, time)) then
        return 'C' .. holder
      elseif holder then
        return (keys.rule == REPLACE and 'R' or 'D') .. holder, holder
      end
    end
    if not has_room(queue, most, 1) then return 'F' end
    if side then put(SIDE, id, side) end
    if unique then hold_key(UNIQUE, unique, id, time, keys.scope == FOR_A_WINDOW and keys.window or 0) end
    if is_awaiting then
      put_awaiting(run)
      return '0', id
    end
    if due > time then
      put_due(run, due)
      return '0', id
    end
    put_ready(run, 'RPUSH')
    return '1', id
  end

  -- Stores a run that is not plain, from `ARGV[at]` on; returns its answer.
  local function admit_one(at, time, most, known)
    local wanted = wanted_at[at]
    local id, keys, is_new = wanted.id, wanted.keys, wanted.is_new
    if known[id] or not is_new and get(RUNS, id) then
      return 'D' .. id
    end
    local repetition = keys and keys.repetition
    local first = repetition and holder_of(REPEATED, repetition, time)
    if first then return 'D' .. first end
    local run, due, side, is_awaiting = complete(ARGV[at], ARGV[at + 1], ARGV[at + 2], time)
    local answer, stands_for_it = admit_keyed(run, due, side, keys, is_awaiting, time, most)
    if stands_for_it == id then
      known[id] = true
      if not is_new then stored[#stored + 1] = id end
    end
    if repetition and stands_for_it then hold_key(REPEATED, repetition, stands_for_it, time, keys.known_for) end
    return answer
  end

  -- Returns why runs that are stored together cannot be, as the answer for each of them, if so.
  local function refusal_of(at, number, most, known)
    local wanted, ids = {}, {}
    for index = 0, number - 1 do
      local from = at + index * 3
      local queue = queue_of(ARGV[from] .. rep('\0', 12) .. ARGV[from + 1])
      wanted[queue], ids[index + 1] = (wanted[queue] or 0) + 1, wanted_at[from].id
    end
    load(RUNS, ids)
    for _, id in ipairs(ids) do
      if get(RUNS, id) or known[id] then return 'D' end
    end
    for queue, more in pairs(wanted) do
      local is_refused = not has_room(queue, most, more)
      if lengths[queue] then lengths[queue] = lengths[queue] - more end
      if is_refused then return 'F' end
    end
    return nil
  end

  -- Stores runs together from `ARGV[at]` on, all or none; adds an answer for each.
  local function admit_together(at, number, time, most, known, answers)
    local refusal = refusal_of(at, number, most, known)
    for index = 0, number - 1 do
      local from = at + index * 3
      local answer = refusal == 'D' and 'D' .. sub(ARGV[from], 5, 20) or refusal
      answers[#answers + 1] = answer or admit_one(from, time, most, known)
    end
  end

  -- Returns the ids of those that hold some keys, joined, and may be stored by no id; nothing if there are none.
  local function elsewhere(keys)
    local ids = {}
    for _, key in ipairs(keys) do
      local hold = get(UNIQUE, key)
      if hold and #hold > 28 then ids[#ids + 1] = sub(hold, 1, 16) end
    end
    return #ids > 0 and table.concat(ids) or nil
  end

  -- Reads all that has to be looked up for the runs from `ARGV[at]` on; returns which ids have been stored before, and
  -- which runs, joined, are to be stored by their ids before they can be replaced, if it may ask for that.
  local function look_up(at, may_ask)
    local ids, number, by_id, unique, repeated, replaced = {}, 0, {}, {}, {}, {}
    while ARGV[at] do
      local head = ARGV[at]
      if #head == 5 then
        at = at + 1
      elseif #head == 4 then
        local members = tonumber(ARGV[at + 2])
        for index = 1, members do ids[number + index] = ARGV[at + 1 + index * 2] end
        number, at = number + members, at + 3 + members * 2
      else
        local wanted = read_wanted(at)
        local keys = wanted.keys
        if not wanted.is_new then
          number = number + 1
          ids[number], by_id[#by_id + 1] = wanted.id, wanted.id
        end
        if keys and keys.key ~= '' then unique[#unique + 1] = keys.key end
        if keys and keys.rule == REPLACE then replaced[#replaced + 1] = keys.key end
        if keys and keys.repetition then repeated[#repeated + 1] = keys.repetition end
        at = at + 3
      end
    end
    load(RUNS, by_id)
    load(UNIQUE, unique)
    load(REPEATED, repeated)
    return known_ids(ids), may_ask and elsewhere(replaced)
  end

  -- Returns the limits of queues by name, which are sent as number, 6 bytes, and name behind its length, 1 byte, each.
  local function limits_of(text)
    local limits, at = {}, 1
    while at <= #text do
      local most, queue
      most, queue, at = parse('>I6Bc0', text, at)
      limits[queue] = most
    end
    return limits
  end

  -- Stores the runs from `ARGV[at]` on. Returns an answer for each: its state as a digit, or a letter and an id: of
  -- the run that stands for it (D), that was replaced (R), that has its unique key (C); or F if the queue is full. Or
  -- stores nothing, and returns the ids, joined, of runs that `bring` has to store by their ids before, if it may ask
  -- for that: else they are taken for runs that have begun.
  function admit(at, time, most, may_ask)
    local known, to_bring = look_up(at, may_ask)
    if to_bring then return nil, to_bring end
    local answers = {}
    most = limits_of(most)
    while ARGV[at] do
      if #ARGV[at] == 5 then
        local together = parse('>I2', ARGV[at], 4)
        admit_together(at + 1, together, time, most, known, answers)
        at = at + 1 + together * 3
      elseif #ARGV[at] == 4 then
        at = admit_plain(at, time, most, known, answers)
      else
        answers[#answers + 1] = admit_one(at, time, most, known)
        at = at + 3
      end
    end
    remember_stored()
    -- Windows are forgotten as fast as they are made, also where no consumer beats.
    if windows > 0 then forget_windows(time, windows * 2) end
    flush()
    return table.concat(answers)
  end
end
