#!lua flags=allow-oom
-- The beat: takes back what dead consumers hold, expires what has not started in time, sweeps what was
-- kept long enough.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; beat ms, lease ms, crash budget, limit,
--       the failure that is recorded, as a field; and its kind and message
-- reply {requeued, failed, cancelled, expired, swept, more, paused for ms, how many entries cannot be read}
-- bound `limit` runs of each kind, `limit` windows, 100 consumers (all, after the clock was set back), 256 due runs, 500 limits
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local beat, lease, budget, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local crash, crash_tail, time = ARGV[8], ARGV[9], now()
local requeued, failed, cancelled, expired, swept, more = 0, 0, 0, 0, 0, 0

local function take_back(consumer)
  local own, asked = P .. 'own:' .. consumer, P .. 'asked:' .. consumer
  for _, id in ipairs(latest_first(call('HKEYS', own))) do
    if requeued + failed + cancelled >= limit then
      more = 1
      return
    end
    local run, reason = held_run(own, id), call('HGET', asked, id)
    local failures, crashes, parks = 0, 0, 0
    if run then
      failures, crashes, parks = tallies_of(run)
      crashes = crashes + 1
      count(RUNNING, queue_of(run), -1)
      leave_consumer(run, time)
    end
    call('HDEL', own, id)
    if not run then
      -- Somebody has broken it; it is set aside.
    elseif reason then
      run = with_failure(left_by_consumer(run, RUNNING, failures, crashes, parks), consumer, time, crash_tail)
      finish(run, CANCELLED, time, limits, 2, crash .. reason)
      cancelled = cancelled + 1
    elseif crashes >= budget then
      run = with_failure(left_by_consumer(run, RUNNING, failures, crashes, parks), consumer, time, crash_tail)
      finish(run, FAILED, time, limits, 1, crash)
      failed = failed + 1
    else
      run = with_record(left_by_consumer(run, QUEUED, failures, crashes, parks), 1, crash)
      put_ready(with_failure(run, consumer, time, crash_tail), 'LPUSH')
      requeued = requeued + 1
    end
  end
  call('DEL', own, asked, P .. 'progress:' .. consumer, P .. 'replay:' .. consumer)
  call('HDEL', P .. 'introductions', consumer)
  call('ZREM', P .. 'consumers', consumer)
end

-- Notes anew when limits open, from a cursor on; returns the next one, 0 at the end.
local function note_openings(cursor)
  local page = call('HSCAN', LIMITS, cursor, 'COUNT', MANY)
  for index = 1, #page[2], 2 do
    if stored_limit(page[2][index]) then limits_changed[page[2][index]] = true end
  end
  return page[1]
end

-- Lets leases end as if the clock had not been set back by so much, or one lease from now: nobody waits for the dead
-- until the time is what it was. Who lives renews before.
local function cut_leases(back)
  local leases = call('ZRANGEBYSCORE', P .. 'consumers', time + lease, '+inf', 'WITHSCORES')
  for at = 1, #leases, 2 do
    call('ZADD', P .. 'consumers', math.max(leases[at + 1] - back, time + lease), leases[at])
  end
end

-- Whoever beats after a standstill gives the living one lease to renew.
local beats = call('HMGET', P .. 'beats', 'last', 'until', 'limits')
local last, paused_until = tonumber(beats[1] or time), tonumber(beats[2] or 0)
if time - last > 3 * beat then
  paused_until = time + lease
elseif time < last then
  paused_until = math.min(paused_until, time + lease)
  cut_leases(last - time)
end
call('HSET', P .. 'beats', 'last', time, 'until', paused_until)
-- Whoever beats after the clock was set back, and those who beat next, see to it that limits open by the new time.
local cursor = time < last and '0' or beats[3]
if cursor then
  cursor = note_openings(cursor)
  if cursor == '0' then
    call('HDEL', P .. 'beats', 'limits')
  else
    call('HSET', P .. 'beats', 'limits', cursor)
  end
end

promote(time)
if paused_until <= time then
  local dead = call('ZRANGEBYSCORE', P .. 'consumers', '-inf', time, 'LIMIT', 0, 100)
  for _, consumer in ipairs(dead) do
    take_back(consumer)
    if more == 1 then break end
  end
  if #dead == 100 then more = 1 end
end

for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', time, 'LIMIT', 0, limit)) do
  call('ZREM', P .. 'deadlines', id)
  local run = stored_run(id, get(RUNS, id))
  if run and state_of(run) <= QUEUED then
    local failures, crashes = tallies_of(run)
    if failures + crashes == 0 then
      finish_waiting(run, EXPIRED, time, limits, record_of(run))
      expired = expired + 1
    end
  end
end

local over = call('ZRANGEBYSCORE', P .. 'kept', '-inf', time, 'LIMIT', 0, limit)
swept = #over
in_pieces('ZREM', P .. 'kept', over)
for _, id in ipairs(over) do put(RUNS, id, false) end
-- Limits that were used up and are as good as new are forgotten.
local looks = call('ZRANGEBYSCORE', P .. 'limits:looks', '-inf', time, 'LIMIT', 0, math.min(limit, MANY))
if #looks > 0 then
  call('ZREM', P .. 'limits:looks', unpack(looks))
  for _, field in ipairs(looks) do
    local stored = stored_limit(field)
    if stored then
      -- It is written anew, or not: then it is looked at again.
      limits_changed[field], stored.is_new = true, not is_idle(stored, time)
    end
  end
end
if forget_windows(time, limit) == limit or expired == limit or swept == limit then more = 1 end

flush()
return {
  requeued, failed, cancelled, expired, swept, more, math.max(paused_until - time, 0), call('LLEN', P .. 'unreadable')
}
