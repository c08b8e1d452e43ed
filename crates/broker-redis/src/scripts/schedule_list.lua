#!lua flags=no-writes,allow-stale
-- Returns all schedules at one moment.
--
-- KEYS  meta, none
-- ARGV  none
-- reply {now, revision, then for each that is not removed: name, entry, its last run, how many ticks overlapped and
--       the last of these (empty: none), the definition that was replaced (empty: none)}
-- bound the number of schedules
local reply = { now(), tonumber(call('GET', P .. 'schedules:revision') or 0) }
local all = call('HGETALL', SCHEDULES)
for at = 1, #all, 2 do
  if byte(all[at + 1], 10) == 0 then
    reply[#reply + 1], reply[#reply + 2] = all[at], all[at + 1]
    reply[#reply + 1] = call('HGET', LAST_RUNS, all[at]) or ''
    reply[#reply + 1] = call('HGET', REPLACED, all[at]) or ''
  end
end
return reply
