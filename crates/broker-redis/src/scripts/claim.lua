#!lua flags=allow-oom
-- Settles runs of one consumer, then claims others for it, in one step; renews its lease.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; consumer, sequence, lease ms (0: settle only);
--       how many requests the consumer has made and how many runs it holds, as it knows (0: it does not);
--       number of groups of plain successes, then for each: task and queue (empty: not known), attempt before
--       the claim, 4 bytes, number, ids;
--       number of other settlements, then for each: id and attempt before the claim, 20 bytes, kind, wait ms,
--       fields, field count, for a failed attempt its kind and message (else empty);
--       then for each want: lane, most, number of queues, queues
-- reply {0, settled, runs, cancels, requests, time}: a byte for each settlement (255: lease lost, else the new
--       state), the runs as they were before the claim, id and reason of each run that is to end, how many
--       requests there were (0: the consumer does not know what it holds), the time;
--       {1} if the sequence is older than the window
-- bound 512 settlements, 512 runs, 256 due runs, 1024 entries that cannot be used
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local consumer, sequence, lease = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local own, asked = P .. 'own:' .. consumer, P .. 'asked:' .. consumer
local replay, slot = P .. 'replay:' .. consumer, sequence % 64
local time, at = now(), 9
local LOST = '\255'

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

-- Takes a run from the consumer, if it holds it in that attempt; returns also why it is to end.
local function let_go(token, run)
  if not run or sub(run, 5, 24) ~= token then
    return false
  end
  local reason = false
  if is_asked then
    reason = call('HGET', asked, sub(token, 1, 16))
    call('HDEL', asked, sub(token, 1, 16))
  end
  return true, reason
end

-- Settles plain successes that the consumer holds for sure; these are its ids from `ARGV[from]` on.
local function settle_held(task, queue, from, number)
  call('HDEL', own, unpack(ARGV, from, from + number - 1))
  if is_asked then call('HDEL', asked, unpack(ARGV, from, from + number - 1)) end
  settled[#settled + 1] = rep(char(SUCCEEDED), number)
  count(RUNNING, queue, -number)
  tallies['s' .. task] = (tallies['s' .. task] or 0) + number
  ends[task] = char(SUCCEEDED) .. time_bytes(time)
end

-- Settles plain successes after a look at each.
local function settle_looked_up(attempt, from, number)
  local gone, is_gone = {}, {}
  for index, run in ipairs(call('HMGET', own, unpack(ARGV, from, from + number - 1))) do
    local id = ARGV[from + index - 1]
    if not run or sub(run, 5, 24) ~= id .. attempt or is_gone[id] then
      settled[#settled + 1] = LOST
    else
      settled[#settled + 1], is_gone[id], gone[#gone + 1] = char(SUCCEEDED), true, id
      local failures, crashes = tallies_of(run)
      count(RUNNING, queue_of(run), -1)
      finish(left_by_consumer(run, RUNNING, failures, crashes, 0), SUCCEEDED, time, limits, record_of(run))
    end
  end
  if #gone > 0 then
    call('HDEL', own, unpack(gone))
    if is_asked then call('HDEL', asked, unpack(gone)) end
  end
end

-- Settles one run otherwise; returns its new state.
local function settle(run, kind, wait, fields, fields_count, tail)
  local failures, crashes, parks = tallies_of(run)
  count(RUNNING, queue_of(run), -1)
  if kind == 'release' then
    put_ready(left_by_consumer(run, QUEUED, failures, crashes, parks), 'LPUSH')
    return QUEUED
  end
  local due = math.min(time + wait, LAST)
  if kind == 'snooze' then
    put_due(left_by_consumer(run, SCHEDULED, failures, crashes, parks, due), due)
    return SCHEDULED
  elseif kind == 'park' then
    run = left_by_consumer(run, SCHEDULED, failures, crashes, parks + 1, due)
    put_due(with_record(run, fields_count, fields), due)
    return SCHEDULED
  end
  if kind == 'crash' or kind == 'crashed' then
    crashes = crashes + 1
  elseif kind == 'retry' or kind == 'fail' then
    failures = failures + 1
  end
  if kind == 'retry' or kind == 'crash' then
    tally('r', task_of(run))
    run = left_by_consumer(run, RETRYING, failures, crashes, 0, due)
    put_due(with_failure(with_record(run, fields_count, fields), consumer, time, tail), due)
    return RETRYING
  elseif kind == 'fail' or kind == 'crashed' then
    run = with_failure(left_by_consumer(run, RUNNING, failures, crashes, 0), consumer, time, tail)
    finish(run, FAILED, time, limits, fields_count, fields)
    return FAILED
  end
  local before_count, before = record_of(run)
  local state = kind == 'cancel' and CANCELLED or SUCCEEDED
  finish(left_by_consumer(run, RUNNING, failures, crashes, 0), state, time, limits,
    fields_count + before_count, before .. fields, state == SUCCEEDED and fields)
  return state
end

for _ = 1, tonumber(ARGV[at]) do
  local task, queue, attempt, number = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  if is_sure and task ~= '' then
    settle_held(task, queue, at + 5, number)
  else
    settle_looked_up(attempt, at + 5, number)
  end
  at = at + 4 + number
end
at = at + 1
for _ = 1, tonumber(ARGV[at]) do
  local token, kind, wait = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local fields, fields_count, tail = ARGV[at + 4], tonumber(ARGV[at + 5]), ARGV[at + 6]
  at = at + 6
  local run = call('HGET', own, sub(token, 1, 16))
  local is_held, reason = let_go(token, run)
  if not is_held then
    settled[#settled + 1] = LOST
  else
    if reason and kind ~= 'succeed' and kind ~= 'fail' and kind ~= 'cancel' then
      kind, fields, fields_count = 'cancel', reason, 1
    end
    call('HDEL', own, sub(token, 1, 16))
    settled[#settled + 1] = char(settle(run, kind, wait, fields, fields_count, tail))
  end
end

-- Due runs move once what was settled is among them.
if #dues > 0 then
  flush_dues()
  dues = {}
end

local runs, tokens, paused = {}, {}, nil
if lease > 0 then
  promote(time)
  paused = call('EXISTS', P .. 'paused') == 1
end

-- Returns the run of an entry, if it can start now.
local function usable(entry)
  local run, held_while_queued = entry, false
  if byte(entry) == 0 then
    local id = sub(entry, 2)
    if call('EXISTS', P .. 'stale') == 1 and call('HEXISTS', P .. 'stale', id) == 1 then
      if call('HINCRBY', P .. 'stale', id, -1) <= 0 then call('HDEL', P .. 'stale', id) end
      return nil
    end
    run = stored_run(id, call('HGET', RUNS, id))
    if not run or state_of(run) ~= QUEUED then return nil end
    local deadline, _, keys = side_of(run)
    local failures, crashes = tallies_of(run)
    if deadline and deadline > 0 and deadline <= time and failures + crashes == 0 then
      count(QUEUED, queue_of(run), -1)
      call('HDEL', RUNS, id)
      finish(run, EXPIRED, time, limits, record_of(run))
      return nil
    end
    held_while_queued = keys and byte(keys) == WHILE_QUEUED and keys
  end
  if paused and call('HEXISTS', P .. 'paused', 't' .. task_of(run)) == 1 then
    call('RPUSH', P .. 'aside', entry)
    return nil
  end
  if byte(entry) == 0 then
    if held_while_queued then give_back_key(held_while_queued, sub(entry, 2)) end
    call('HDEL', RUNS, sub(entry, 2))
    call('ZREM', P .. 'deadlines', sub(entry, 2))
  end
  return run
end

-- Takes entries off one list; returns how many runs were claimed.
local function take_from(list, queue, most)
  local entries, held = call('LPOP', list, most) or {}, {}
  local claimed = 0
  for index = 1, #entries do
    local entry = entries[index]
    local run, version, flags = entry, byte(entry, 1, 2)
    if version == 1 and flags == 0 and not paused and 41 + (byte(entry, 41) or 999) <= #entry
      and #entry <= LARGEST then
      run = entry
    elseif version ~= 0 and not is_run(entry) then
      call('RPUSH', P .. 'unreadable', entry)
      count(QUEUED, queue, -1)
      run = nil
    elseif paused or version == 0 then
      run = usable(entry)
    end
    if run then
      claimed = claimed + 1
      held[claimed * 2 - 1], held[claimed * 2] = sub(run, 5, 20), run
      runs[#runs + 1], tokens[#tokens + 1] = run, sub(run, 5, 24)
    end
  end
  in_pieces('HSET', own, held, 2)
  return claimed, #entries
end

-- Claims from one queue: the highest priority first, but every sixteenth run from the lowest.
local function take(queue, lane, most)
  if paused and call('HEXISTS', P .. 'paused', 'q' .. queue) == 1 then return 0 end
  local lists, lengths, left = {}, {}, 0
  for priority = 0, 2 do
    lists[priority] = P .. 'ready:' .. PLACES[priority * 4 + lane] .. queue
    lengths[priority] = call('LLEN', lists[priority])
    if lengths[priority] > 0 then left = left + 1 end
  end
  if left == 0 or most == 0 then return 0 end
  local field = 'taken:' .. LANES[lane] .. queue
  local before, taken, passed = tonumber(call('HGET', P .. 'turns', field) or 0), 0, 0
  while left > 0 and taken < most and passed < 1024 do
    local turn = (before + taken) % 16
    local from, to, step, want = 0, 2, 1, math.min(most - taken, 15 - turn)
    if turn == 15 then
      from, to, step, want = 2, 0, -1, 1
    end
    if left == 1 then want = most - taken end
    for priority = from, to, step do
      if lengths[priority] > 0 then
        local claimed, entries = take_from(lists[priority], queue, math.min(want, lengths[priority]))
        taken, passed = taken + claimed, passed + entries - claimed
        lengths[priority] = lengths[priority] - entries
        if entries == 0 then lengths[priority] = 0 end
        if lengths[priority] == 0 then left = left - 1 end
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

at = at + 1
while ARGV[at] do
  local lane, most, queues = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  for index = at + 3, at + 2 + queues do
    most = most - take(ARGV[index], lane, most)
  end
  at = at + 3 + queues
end

flush()
settled = table.concat(settled)
call('HSET', replay, 'newest', math.max(newest, sequence), 'requests', requests,
  slot, pack('>I8I2', sequence, #settled) .. settled .. table.concat(tokens))
is_asked = call('EXISTS', asked) == 1
return { 0, settled, runs, cancels(), (is_sure or holds + believed == 0) and requests or 0, time }
