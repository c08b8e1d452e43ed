#!lua flags=allow-oom
-- Pauses or resumes a queue or a task; brings back what was set aside meanwhile.
--
-- KEYS  meta, none
-- ARGV  scope (q or t and the name), pause, resume or continue, how many entries to look at
-- reply how many entries that were set aside are left to look at
-- bound 512 entries
local scope, what, left = ARGV[1], ARGV[2], tonumber(ARGV[3])
local paused, aside = P .. 'paused', P .. 'aside'
if what == 'pause' then
  call('HSET', paused, scope, '1')
  return 0
end
if what == 'resume' then
  call('HDEL', paused, scope)
  left = sub(scope, 1, 1) == 't' and call('LLEN', aside) or 0
  for _, field in ipairs(call('HKEYS', LENGTHS)) do
    if sub(scope, 1, 1) == 't' or sub(field, 2) == sub(scope, 2) then
      bells[P .. 'bell:io:' .. sub(field, 2)], bells[P .. 'bell:cpu:' .. sub(field, 2)] = true, true
    end
  end
end
-- From the last that was set aside to the first, so that they are served in the order they had.
local looked_at = math.min(left, MANY)
for _ = 1, looked_at do
  local entry = call('RPOP', aside)
  if not entry then break end
  local run = byte(entry) > 0 and entry or get(RUNS, sub(entry, 2))
  if run and call('HEXISTS', paused, 't' .. task_of(run)) == 1 then
    call('LPUSH', aside, entry)
  elseif run then
    local _, _, _, _, limits = side_of(run)
    local opened, goes_on
    if limits and limits ~= '' then opened, goes_on = stand(run, limits, 'LPUSH') end
    if opened ~= '' then call('LPUSH', ready_of(run), opened or entry) end
    if goes_on ~= false then bells[bell_of(run)] = true end
  end
end
flush()
return left - looked_at
