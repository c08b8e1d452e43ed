#!lua flags=allow-oom
-- Says whether a claim may find something, and when something is due.
--
-- KEYS  meta, none
-- ARGV  for each place: lane, queue
-- reply {1 if something is ready, ms until the earliest due run or -1}
-- bound 256 due runs
local time = now()
promote(time)
flush()
local is_paused, ready = call('EXISTS', P .. 'paused') == 1, 0
for at = 1, #ARGV, 2 do
  local lane, queue = tonumber(ARGV[at]), ARGV[at + 1]
  if not is_paused or call('HEXISTS', P .. 'paused', 'q' .. queue) == 0 then
    for priority = 0, 2 do
      if call('EXISTS', P .. 'ready:' .. PLACES[priority * 4 + lane] .. queue) == 1 then ready = 1 end
    end
  end
end
local first = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
local due_in = first[2] and tonumber(first[2]) < LAST and math.max(tonumber(first[2]) - time, 0) or -1
return { ready, due_in }
