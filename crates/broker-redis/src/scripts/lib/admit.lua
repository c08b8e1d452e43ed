-- Stores new runs. Each is three arguments: its bytes before the times, its bytes behind them, and what
-- it asks for beyond the plain (empty for a plain run that is due now):
-- how it is due (0 now, 1 after so long, 2 at; 4 more if its deadline is a time), due ms, deadline or time
-- until it in ms + 1, kept for ms + 1, where in the second part its deadline stands, its unique key.
local SEEN, SEEN_BEFORE = P .. 'seen', P .. 'seen:before'

-- How many ids are remembered at least, beside those of runs that are stored by id.
local REMEMBERED = 16384

-- Returns which of some ids have been stored before.
local function known_ids(ids)
  local known, before = {}, call('EXISTS', SEEN_BEFORE) == 1
  for from = 1, #ids, MANY do
    local to = math.min(from + MANY - 1, #ids)
    for index, is_known in ipairs(call('SMISMEMBER', SEEN, unpack(ids, from, to))) do
      if is_known == 1 then known[ids[from + index - 1]] = true end
    end
    if before then
      for index, is_known in ipairs(call('SMISMEMBER', SEEN_BEFORE, unpack(ids, from, to))) do
        if is_known == 1 then known[ids[from + index - 1]] = true end
      end
    end
  end
  return known
end

local function remember(ids)
  if #ids == 0 then return end
  in_pieces('SADD', SEEN, ids)
  if call('SCARD', SEEN) >= REMEMBERED then call('RENAME', SEEN, SEEN_BEFORE) end
end

-- Returns the run with its times, and what stands beside it.
local function complete(head, tail, more, time)
  local how, due, expires, keep, at = parse('>BI6I6I6I4', more)
  local unique, deadline, is_time = sub(more, 24), 0, how >= 4
  how = how % 4
  due = math.min(how == 0 and time or how == 1 and time + due or math.max(due, time), LAST)
  if expires > 0 then
    deadline = math.min((is_time and 0 or time) + expires - 1, LAST)
    tail = sub(tail, 1, at - 1) .. pack('>I8', deadline) .. sub(tail, at + 8)
  end
  local run = head .. time_bytes(time) .. time_bytes(due) .. tail
  run = in_state(run, due > time and SCHEDULED or QUEUED)
  local is_plain = deadline == 0 and keep == 0 and unique == ''
  return run, due, not is_plain and pack('>I6I6', deadline, keep) .. unique, unique
end

-- Stores `number` runs from `ARGV[at]` on; `most` is the length limit of a queue, or 0. Returns an answer
-- a run: its state, or D and the id that stands in the way, or F if the queue is full.
local function admit(at, number, time, most)
  local ids, answers, lists, fresh, added = {}, {}, {}, {}, {}
  for index = 1, number do ids[index] = sub(ARGV[at + index * 3 - 3], 5, 20) end
  local known, times = known_ids(ids), time_bytes(time) .. time_bytes(time)
  for index = 1, number do
    local head, tail, more = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
    local id, side, unique, run, due = ids[index], false, '', nil, time
    if more == '' then
      run = head .. times .. tail
    else
      run, due, side, unique = complete(head, tail, more, time)
    end
    local queue, holder = queue_of(run), known[id] and id
    if not holder and side and call('HEXISTS', RUNS, id) == 1 then holder = id end
    if not holder and unique ~= '' then holder = call('HGET', P .. 'unique', unique) end
    if not holder and most > 0 and not added[queue] then
      added[queue] = 0
      for _, length in ipairs(call('HMGET', LENGTHS, '0' .. queue, '1' .. queue, '2' .. queue, '3' .. queue)) do
        added[queue] = added[queue] + tonumber(length or 0)
      end
    end
    if holder then
      answers[index] = 'D' .. holder
    elseif most > 0 and added[queue] >= most then
      answers[index] = 'F'
    else
      if most > 0 then added[queue] = added[queue] + 1 end
      known[id], fresh[#fresh + 1] = true, id
      if side then
        call('HSET', SIDE, id, side)
        if unique ~= '' then call('HSET', P .. 'unique', unique, id) end
      end
      if due > time then
        answers[index] = '0'
        put_due(run, due)
      else
        answers[index] = '1'
        if side then
          put_ready(run, 'RPUSH')
        else
          local key = ready_of(run)
          local list = lists[key]
          if not list then
            list = { queue = queue, bell = bell_of(run) }
            lists[key] = list
          end
          list[#list + 1] = run
        end
      end
    end
  end
  for key, list in pairs(lists) do
    in_pieces('RPUSH', key, list)
    bells[list.bell] = true
    count(QUEUED, list.queue, #list)
  end
  remember(fresh)
  flush()
  return table.concat(answers)
end
