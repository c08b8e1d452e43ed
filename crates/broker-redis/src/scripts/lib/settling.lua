-- How a run leaves its consumer by a settlement.

-- Lets nothing start for so long that shares the rate limits of a run, or its limits if it has no rate limit.
local function hold_back_limits(run, wait, time)
  local _, _, _, _, text = side_of(run)
  local limits, has_rate = text and text ~= '' and limits_in(text) or {}, false
  for _, wanted in ipairs(limits) do has_rate = has_rate or wanted.per > 0 end
  local since = parse('>I6', run, 29)
  for _, wanted in ipairs(limits) do
    if wanted.per > 0 or not has_rate then
      local limit = used_limit(wanted, since)
      if since >= limit.since or is_idle(limit, time) then
        limit.max, limit.per, limit.since = wanted.max, wanted.per, since
      end
      limit.not_before = math.max(limit.not_before, math.min(time + wait, LAST))
      let_on(wanted.field, limit, time)
    end
  end
end

-- Settles a run that its consumer held, in one of the ways that is no plain success; returns its new state.
local function settle(run, consumer, time, retention, kind, wait, fields, fields_count, tail)
  local failures, crashes, parks = tallies_of(run)
  count(RUNNING, queue_of(run), -1)
  leave_consumer(run, time)
  if kind == 'release' then
    put_ready(left_by_consumer(run, QUEUED, failures, crashes, parks), 'LPUSH')
    return QUEUED
  end
  local due = math.min(time + wait, LAST)
  if kind == 'snooze' then
    put_due(left_by_consumer(run, SCHEDULED, failures, crashes, parks, due), due)
    return SCHEDULED
  elseif kind == 'park' then
    note_parked(run, due)
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
    finish(run, FAILED, time, retention, fields_count, fields)
    return FAILED
  end
  local before_count, before = record_of(run)
  local state = kind == 'cancel' and CANCELLED or SUCCEEDED
  finish(left_by_consumer(run, RUNNING, failures, crashes, 0), state, time, retention,
    fields_count + before_count, before .. fields, state == SUCCEEDED and fields)
  return state
end
