#!lua flags=allow-oom
-- Settles runs of one consumer, then claims others for it, in one step; renews its lease.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; consumer, sequence, lease ms (0: settle only);
--       how many requests the consumer has made and how many runs it holds, as it knows (0: it does not);
--       what plain successes free that are known: number of keys, keys; number of limits, then for each how many leave
--       it;
--       number of groups of plain successes, those that are known first, then for each: task and queue (empty: not
--       known), attempt before the claim, 4 bytes, which of the plain successes they are, 2 bytes each, ids;
--       number of other settlements, then for each: id and attempt before the claim, 20 bytes, kind, wait ms,
--       fields, field count, for a failed attempt its kind and message (else empty), for how many ms what shares
--       its limits is held back;
--       then for each want: lane, most, number of queues, queues
-- reply {0, settled, runs, cancels, requests, time}: a byte for each settlement (255: lease lost, else the new
--       state), the runs as they were before the claim, id and reason of each run that is to end, how many
--       requests there were (0: the consumer does not know what it holds), the time;
--       {1} if the sequence is older than the window
-- bound 512 settlements, 512 runs of about 4 MiB in all, 256 due runs, 1024 entries that cannot be used
local retention = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local consumer, sequence, lease = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local own, asked = P .. 'own:' .. consumer, P .. 'asked:' .. consumer
local replay, slot = P .. 'replay:' .. consumer, sequence % 64
local time, at = now(), 9
local LOST = '\255'

-- The most entries that a claim takes off a list and cannot use.
local PASSED = 1024

local known = call('HMGET', replay, 'newest', slot, 'requests')
local newest, requests = tonumber(known[1] or 0), tonumber(known[3] or 0)
if sequence + 64 <= newest then
  return { 1 }
end
if lease > 0 then
  call('ZADD', P .. 'consumers', 'GT', math.min(time + lease, LAST), consumer)
else
  call('ZADD', P .. 'consumers', 'NX', time, consumer)
end
local is_asked = call('EXISTS', asked) == 1
local function cancels()
  return is_asked and call('HGETALL', asked) or {}
end

-- A repeated request: the same answer, and what is still held of what it claimed.
local answer = known[2]
if answer and parse('>I8', answer) == sequence then
  local settled, runs = parse('>I2', answer, 9), {}
  for from = 11 + settled, #answer, 20 do
    local run = call('HGET', own, sub(answer, from, from + 15))
    if run and sub(run, 5, 24) == sub(answer, from, from + 19) then runs[#runs + 1] = run end
  end
  return { 0, sub(answer, 11, 10 + settled), runs, cancels(), 0, time }
end

-- Only requests of the consumer add to what it holds. If there was none that it does not know of, and it holds
-- as many runs as it believes, then it holds just those.
local believed, holds = tonumber(ARGV[8]), call('HLEN', own)
local is_sure = believed > 0 and requests == tonumber(ARGV[7]) and holds == believed
requests = requests + 1

local settled = {}

-- A block: a script has 200 locals at most.
do
  -- Reads runs that are to be settled one by one, and what is looked at when they leave.
  local gone = {}
  local function load_held(ids)
    load(own, ids)
    local held = loaded(own, ids)
    load_sides(held)
    load_holders(held)
    load_limits(held)
  end

  -- Takes a run from the consumer, if it holds it in that attempt; returns it, and why it is to end.
  local function let_go(id, attempt)
    local run = get(own, id)
    if gone[id] or not run or sub(run, 5, 24) ~= id .. attempt then return nil end
    gone[id], gone[#gone + 1] = true, id
    return run, is_asked and call('HGET', asked, id)
  end

  -- How many plain successes there are, and which of them the consumer does not hold.
  local plain, lost = 0, {}

  -- Settles plain successes that the consumer holds for sure; these are its ids from `ARGV[from]` on.
  local function settle_held(task, queue, from, number)
    call('HDEL', own, unpack(ARGV, from, from + number - 1))
    if is_asked then call('HDEL', asked, unpack(ARGV, from, from + number - 1)) end
    count(RUNNING, queue, -number)
    tallies['s' .. task] = (tallies['s' .. task] or 0) + number
    ends[task] = char(SUCCEEDED) .. time_bytes(time)
  end

  -- Settles plain successes after a look at each.
  local function settle_looked_up(attempt, from, number, ranks)
    load_held({ unpack(ARGV, from, from + number - 1) })
    for index = from, from + number - 1 do
      local run = let_go(ARGV[index], attempt)
      if not run then
        lost[#lost + 1] = parse('>I2', ranks, 2 * (index - from) + 1) + 1
      else
        local _, keep, _, workflow, limits = side_of(run)
        count(RUNNING, queue_of(run), -1)
        if limits and limits ~= '' then leave_places(limits, time) end
        if (keep or 0) > 0 or (workflow or '') ~= '' then
          local failures, crashes = tallies_of(run)
          finish(left_by_consumer(run, RUNNING, failures, crashes, 0), SUCCEEDED, time, retention, record_of(run))
        else
          -- Nobody will see it: it is left as it was.
          finish(run, SUCCEEDED, time, retention, 0, '')
        end
      end
    end
  end

  -- Frees what known successes held, which are not looked at: keys and places of limits from `ARGV[from]` on. A run that
  -- is held has its key: nobody takes it away. Returns where that ends. Nothing has been read of keys before.
  local function free_known(from)
    local limits_at = from + 1 + tonumber(ARGV[from])
    local after = limits_at + 1 + 2 * tonumber(ARGV[limits_at])
    if not is_sure then return after end
    for first = from + 1, limits_at - 1, MANY do
      call('HDEL', UNIQUE, unpack(ARGV, first, math.min(first + MANY, limits_at) - 1))
    end
    local fields = {}
    for index = limits_at + 1, after - 1, 2 do fields[#fields + 1] = ARGV[index] end
    load(LIMITS, fields)
    for index = limits_at + 1, after - 1, 2 do leave_limit(ARGV[index], tonumber(ARGV[index + 1]), time) end
    return after
  end

  -- Returns the answers to plain successes.
  local function plain_answers()
    if #lost == 0 then return rep(char(SUCCEEDED), plain) end
    local answers = {}
    for rank = 1, plain do answers[rank] = char(SUCCEEDED) end
    for _, rank in ipairs(lost) do answers[rank] = LOST end
    return table.concat(answers)
  end

  at = free_known(at)
  for _ = 1, tonumber(ARGV[at]) do
    local task, queue, attempt, ranks = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
    local number = #ranks / 2
    if is_sure and task ~= '' then
      settle_held(task, queue, at + 5, number)
    else
      settle_looked_up(attempt, at + 5, number, ranks)
    end
    plain, at = plain + number, at + 4 + number
  end
  settled[1] = plain_answers()
  at = at + 1
  local ids = {}
  for index = 1, tonumber(ARGV[at]) do ids[index] = sub(ARGV[at - 6 + index * 7], 1, 16) end
  load_held(ids)
  for _ = 1, tonumber(ARGV[at]) do
    local token, kind, wait = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
    local fields, fields_count, tail = ARGV[at + 4], tonumber(ARGV[at + 5]), ARGV[at + 6]
    local hold_back = tonumber(ARGV[at + 7])
    at = at + 7
    local run, reason = let_go(sub(token, 1, 16), sub(token, 17))
    if not run then
      settled[#settled + 1] = LOST
    else
      if reason and kind ~= 'succeed' and kind ~= 'fail' and kind ~= 'cancel' then
        kind, fields, fields_count = 'cancel', reason, 1
      end
      if hold_back > 0 then hold_back_limits(run, hold_back, time) end
      local state = settle(run, consumer, time, retention, kind, wait, fields, fields_count, tail)
      settled[#settled + 1] = char(state)
    end
  end

  in_pieces('HDEL', own, gone)
  if is_asked then in_pieces('HDEL', asked, gone) end
end

-- Due runs move once what was settled is among them, and what is ready stands in its list.
flush_tails()
if #dues > 0 then
  flush_dues()
  dues = {}
end

local runs, tokens, paused = {}, {}, nil
if lease > 0 then
  promote(time)
  paused = call('EXISTS', P .. 'paused') == 1
end

-- Returns whether an entry is a plain run, as far as scripts read it.
local function is_plain(entry, version, flags)
  return version == 1 and flags == 0 and 41 + (byte(entry, 41) or 999) <= #entry and #entry <= LARGEST
end

-- Returns whether an id was left behind where its run has ended or moved: it is passed over once.
local is_stale
do
  local has_any = nil
  is_stale = function(id, stands)
    if has_any == nil then has_any = call('EXISTS', P .. 'stale') == 1 end
    local name = has_any and (stands and '+' or '') .. id
    if not name or call('HEXISTS', P .. 'stale', name) == 0 then return false end
    if call('HINCRBY', P .. 'stale', name, -1) <= 0 then call('HDEL', P .. 'stale', name) end
    return true
  end
end

-- Returns the run of an entry, or of the id of one that stands in a line, if it can start now but for its limits; what
-- stands beside it of those, its deadline, and what it asks for by keys if it holds one only while it is queued.
local function usable(entry, standing)
  local run, id, limits, deadline, keys = entry, standing, nil, nil, nil
  if not id and byte(entry) == 0 then id = sub(entry, 2) end
  if id then
    if is_stale(id, standing) then return nil end
    if standing then put(STANDING, id, false) end
    run = stored_run(id, get(RUNS, id))
    if not run or state_of(run) ~= QUEUED then return nil end
    local keep, workflow
    deadline, keep, keys, workflow, limits = side_of(run)
    if deadline and deadline > 0 and deadline <= time then
      local failures, crashes = tallies_of(run)
      if failures + crashes == 0 then
        count(QUEUED, queue_of(run), -1)
        put(RUNS, id, false)
        finish(run, EXPIRED, time, retention, record_of(run))
        return nil
      end
    end
  elseif carries(run) then
    keys, limits = carried_by(run)
  end
  if paused and call('HEXISTS', P .. 'paused', 't' .. task_of(run)) == 1 then
    call('RPUSH', P .. 'aside', entry or '\0' .. id)
    return nil
  end
  return run, limits, deadline, keys and keys ~= '' and byte(keys) == WHILE_QUEUED and key_in(keys)
end

-- Takes a run that starts from where it is stored by id.
local function leave_runs(id, deadline)
  put(RUNS, id, false)
  if deadline and deadline > 0 then call('ZREM', P .. 'deadlines', id) end
end

local starts
do
  -- Returns the first limit that does not let a run start.
  local function refusing(limits, time)
    for _, wanted in ipairs(limits) do
      local limit = stored_limit(wanted.field)
      if limit and opens_at(limit, time) ~= 0 then return wanted.field, limit end
    end
  end

  -- Starts a run whose only limit is one of how many run at once, in use and open, with nobody before the run: what
  -- `note_numbers`, `refusing` and `take_places` do, for the most frequent run. Returns whether it did.
  local function starts_alone(limits, since, time)
    local wanted = limits[1]
    local limit = wanted and not limits[2] and wanted.per == 0 and stored_limit(wanted.field)
    if not limit or limit.per ~= 0 or since < limit.since
      or limit.running >= wanted.max or limit.not_before > time or limit.spots ~= 0 then
      return false
    end
    limit.max, limit.since, limit.running = wanted.max, since, limit.running + 1
    limits_changed[wanted.field] = true
    return true
  end

  -- Returns whether a run that comes up may start; else it stands in its line now.
  function starts(run, text, spot)
    local limits, since = limits_in(text), parse('>I6', run, 29)
    if limits.weight then
      -- It was set aside, or is of a release that knows no turns.
      local opened = stand(run, text, 'RPUSH')
      if opened ~= '' then call('RPUSH', P .. 'ready:' .. spot, opened) end
      has_woken = true
      return false
    end
    local line, known = line_of(spot, limits)
    if not known and starts_alone(limits, since, time) then return true end
    note_numbers(limits, since, time)
    local field, limit = nil, nil
    if not known then
      field, limit = refusing(limits, time)
      if not field then
        take_places(limits, since, time)
        return true
      end
    end
    local id = sub(run, 5, 20)
    line = line or line_at(spot, limits)
    put_at_tail(P .. 'line:' .. line, id)
    put(STANDING, id, '1')
    if carries(run) then put(RUNS, id, run) end
    has_lines = true
    if field then
      use_limits(limits, since)
      block(line, 0, spot, field, limit, false)
    end
    return false
  end
end

-- Holds a run for the consumer, and writes those held to its hash. Tells whether the answer is full, and how many
-- entries to take at once: as many as fill it, if they are as long as those before. Other calls of the consumer wait
-- for the answer, so what is left is for the next.
local hold, write_held, is_full, most_at_once
do
  local number, held, bytes, full_from, first = 0, {}, 0, 4194304, 8
  hold = function(run)
    number, bytes = number + 1, bytes + #run
    held[2 * number - 1], held[2 * number] = sub(run, 5, 20), run
    runs[number], tokens[number] = run, sub(run, 5, 24)
  end
  write_held = function() in_pieces('HSET', own, held, 2) end
  is_full = function() return bytes >= full_from end
  most_at_once = function()
    if number == 0 then return first end
    return math.max(math.floor((full_from - bytes) * number / bytes), 1)
  end
end

-- Puts entries that were taken off a list back to its head, from one on.
local function put_back(list, entries, from)
  local back = {}
  for index = #entries, from, -1 do back[#back + 1] = entries[index] end
  in_pieces('LPUSH', list, back)
end

-- Claims runs of a line that may go on, until a limit refuses one or its turn is over: of runs with a fair key after as
-- many as the weight says, of others after one, if other lines wait for the limit that has let it on. Returns how
-- many, and how many ids could not be used. The entry of the line is out of the ready list.
local take_line
do
  -- Returns how many runs a limit lets start now.
  local function places_of(limit, time)
    if opens_at(limit, time) ~= 0 then return 0 end
    if limit.per == 0 then return limit.max - limit.running end
    local interval = interval_of(limit)
    return math.floor((time * 1000 + interval * limit.max - math.max(spent_of(limit, time), time * 1000)) / interval)
  end

  -- Returns how many runs some limits let start, by the numbers that count; if none, which is the first that does not.
  local function places_for(fields, time)
    local least = MANY
    for _, field in ipairs(fields) do
      local limit = stored_limit(field)
      if limit then least = math.min(least, places_of(limit, time)) end
      if least <= 0 then return 0, field end
    end
    return least
  end

  -- Starts a run that stands in a line, if it can be used: its limits let one start. Returns it, and what it shares.
  local function start_standing(id)
    local run, text, deadline, held_key = usable(nil, id)
    if not run then return nil end
    local limits = limits_in(text or '')
    take_places(limits, parse('>I6', run, 29), time)
    if held_key then give_back_key(held_key, id) end
    leave_runs(id, deadline)
    return run, limits
  end

  -- Takes the next ids off a line, and reads their runs.
  local function take_off(list, number)
    local ids = call('LPOP', list, number) or {}
    load(RUNS, ids)
    load_sides(loaded(RUNS, ids))
    return ids
  end

  -- Notes that a line is out of the ready list, if a limit had let it on.
  local function has_gone_on(by, spot)
    if by ~= '' then is_served(by, spot, time) end
  end

  take_line = function(line, spot, most)
    -- What this step has put there before stands there.
    flush_tails()
    local list, known = P .. 'line:' .. line, get(LINES, line) or '1\0\0'
    local before, by = parse('>I2', known, 2), sub(known, 4)
    local has_others = by ~= '' and call('EXISTS', P .. 'blocked:' .. spot .. ':' .. by) == 1
    local taken, passed, turn, is_over, ids, at, fields = 0, 0, before, false, {}, 1, fields_of(line)
    local in_turn = (has_others or takes_turns(line)) and 1 or MANY
    while taken < most and passed < PASSED and not is_full() and not has_woken and not is_over do
      local places, field = places_for(fields, time)
      if at > #ids then
        if field and call('EXISTS', list) == 0 then break end
        if not field then
          ids, at = take_off(list, math.min(most - taken, PASSED - passed, in_turn, places, most_at_once())), 1
          if #ids == 0 then break end
        end
      end
      if field then
        -- Nobody looks at its runs: their numbers count already.
        local is_same = field == by
        put_back(list, ids, at)
        block(line, is_same and turn or 0, spot, field, stored_limit(field), is_same)
        if not is_same then has_gone_on(by, spot) end
        return taken, passed
      end
      local run, limits = start_standing(ids[at])
      at = at + 1
      if run then
        hold(run)
        taken = taken + 1
        if limits.weight then turn = turn + 1 end
        if limits.weight then in_turn = math.max(limits.weight - turn, 1) end
        local is_last = not limits.weight or turn >= limits.weight
        if is_last and has_others and (at <= #ids or call('EXISTS', list) == 1) then
          -- Its turn is over: the next goes on that waits for the same limit.
          put_back(list, ids, at)
          block(line, 0, spot, by, stored_limit(by), false)
          is_served(by, spot, time)
          return taken, passed
        end
        is_over = limits.weight and is_last
      else
        passed = passed + 1
      end
    end
    put_back(list, ids, at)
    if call('EXISTS', list) == 0 then
      close_line(line)
      has_gone_on(by, spot)
    elseif is_over then
      if before > 0 or by ~= '' then note_line(line, true, 0, '') end
      has_gone_on(by, spot)
      call('RPUSH', P .. 'ready:' .. spot, LINE .. line)
    else
      if turn > before then note_line(line, true, turn, by) end
      call('LPUSH', P .. 'ready:' .. spot, LINE .. line)
    end
    return taken, passed
  end
end

local take
do
  -- Reads what the entries of a list need that are not plain, from one on; returns which of these are runs.
  local function load_entries(entries, from)
    local ids, texts, are_runs = {}, {}, {}
    for index = from, #entries do
      local entry = entries[index]
      local version, flags = byte(entry, 1, 2)
      if version == 0 and not is_line(entry) then
        ids[#ids + 1] = sub(entry, 2)
      elseif version ~= 0 and not is_plain(entry, version, flags) then
        are_runs[index] = is_run(entry)
        local _, text = are_runs[index] and carries(entry) and carried_by(entry)
        if text and text ~= '' then texts[#texts + 1] = text end
      end
    end
    load(RUNS, ids)
    local stored = loaded(RUNS, ids)
    load_sides(stored)
    for _, run in ipairs(stored) do
      local _, _, _, _, text = side_of(run)
      if text and text ~= '' then texts[#texts + 1] = text end
    end
    load_limits_in(texts)
    return are_runs
  end

  -- Takes entries off one list; returns how many runs were claimed, how many entries could not be used, and
  -- whether lists have become longer meanwhile.
  local after_line = false
  local function take_from(list, queue, most)
    local entries = call('LPOP', list, after_line and 1 or math.min(most, most_at_once())) or {}
    local claimed, passed, spot = 0, 0, sub(list, #P + 7)
    local are_runs, later = nil, {}
    after_line, has_woken = false, false
    for index = 1, #entries do
      local entry = entries[index]
      local run, version, flags = nil, byte(entry, 1, 2)
      if not paused and is_plain(entry, version, flags) then
        run = entry
      elseif version == 0 and is_line(entry) then
        put_back(list, entries, index + 1)
        local taken, unusable = take_line(line_in(entry), spot, most - claimed)
        claimed, passed = claimed + taken, passed + unusable + (taken == 0 and 1 or 0)
        after_line = true
        break
      else
        are_runs = are_runs or load_entries(entries, index)
        local limits, deadline, held_key
        if version ~= 0 and not are_runs[index] and not is_plain(entry, version, flags) then
          call('RPUSH', P .. 'unreadable', entry)
          count(QUEUED, queue, -1)
        else
          run, limits, deadline, held_key = usable(entry)
        end
        if run and limits and limits ~= '' then
          let_on_later = later
          if not starts(run, limits, spot) then run = nil end
        end
        if run and held_key then give_back_key(held_key, sub(run, 5, 20)) end
        if run and version == 0 then leave_runs(sub(entry, 2), deadline) end
      end
      if run then
        claimed = claimed + 1
        hold(run)
      else
        passed = passed + 1
      end
      if has_woken then
        put_back(list, entries, index + 1)
        for _, woken in ipairs(let_on_later) do call('LPUSH', woken[1], woken[2]) end
        after_line = true
      end
      let_on_later = nil
      if after_line then break end
    end
    return claimed, passed, after_line, #entries
  end

  -- Claims from one queue: the highest priority first, but every sixteenth run from the lowest.
  function take(queue, lane, most)
    if paused and call('HEXISTS', P .. 'paused', 'q' .. queue) == 1 then return 0 end
    local lists, lengths, left = {}, {}, 0
    local function measure(first, last)
      for priority = first, last do lengths[priority] = call('LLEN', lists[priority]) end
      left = 0
      for priority = 0, 2 do
        if lengths[priority] > 0 then left = left + 1 end
      end
    end
    for priority = 0, 2 do lists[priority] = P .. 'ready:' .. PLACES[priority * 4 + lane] .. queue end
    measure(0, 2)
    if left == 0 or most == 0 then return 0 end
    local field = 'taken:' .. LANES[lane] .. queue
    local before, taken, passed = tonumber(call('HGET', P .. 'turns', field) or 0), 0, 0
    while left > 0 and taken < most and passed < PASSED and not is_full() do
      local turn = (before + taken) % 16
      local from, to, step, want = 0, 2, 1, math.min(most - taken, 15 - turn)
      if turn == 15 then
        from, to, step, want = 2, 0, -1, 1
      end
      if left == 1 then want = most - taken end
      for priority = from, to, step do
        if lengths[priority] > 0 then
          local claimed, unusable, has_moved, entries =
            take_from(lists[priority], queue, want)
          taken, passed = taken + claimed, passed + unusable
          if has_woken then
            measure(0, 2)
          elseif has_moved then
            measure(priority, priority)
          else
            lengths[priority] = entries > 0 and lengths[priority] - entries or 0
            if lengths[priority] == 0 then left = left - 1 end
          end
          break
        end
      end
    end
    if taken > 0 then
      call('HSET', P .. 'turns', field, (before + taken) % 16)
      count(QUEUED, queue, -taken)
      count(RUNNING, queue, taken)
    end
    if left > 0 then bells[P .. 'bell:' .. LANES[lane] .. queue] = true end
    return taken
  end
end

at = at + 1
while ARGV[at] do
  local lane, most, queues = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  for index = at + 3, at + 2 + queues do
    most = most - take(ARGV[index], lane, most)
  end
  at = at + 3 + queues
end

write_held()
flush()
settled = table.concat(settled)
call('HSET', replay, 'newest', math.max(newest, sequence), 'requests', requests,
  slot, pack('>I8I2', sequence, #settled) .. settled .. table.concat(tokens))
is_asked = call('EXISTS', asked) == 1
return { 0, settled, runs, cancels(), (is_sure or holds + believed == 0) and requests or 0, time }
