#!lua
-- Fires one tick: moves the last tick on and stores the run, or says why not.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; name, version (8 bytes), tick ms, allowance ms, limits of
--       queues, what to do if the last run has not ended (allow, skip or cancel_previous), the reason
--       of that, as a field; 1 if it may ask for runs to be brought (else 0); then id and run (lib/admit.lua), or
--       nothing to skip the tick
-- reply {'fired', answer of lib/admit.lua or nothing}, {'overlap', last run}, {'done', last tick}, {'changed'},
--       {'off'}, {'early', wait ms}, {'full'} or {'bring', ids} if these runs are to be brought before (bring.lua)
-- bound 2 runs, the number of consumers
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local name, version, tick, overlap = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[9]
local entry, time = read(name), now()
if not entry or entry.removed or not entry.on then
  return { 'off' }
elseif entry.version ~= version then
  return { 'changed' }
elseif tick <= entry.last_tick then
  return { 'done', entry.last_tick }
elseif tick > time + tonumber(ARGV[7]) then
  return { 'early', tick - time }
end
entry.last_tick = tick
if #ARGV == 11 then
  write(name, entry)
  return { 'fired', '' }
end

-- What stands beside a run goes with its end.
local last, overlaps, last_overlap = read_run(name)
local is_open = overlap ~= 'allow' and last and get(SIDE, last)
if is_open and overlap == 'skip' then
  write(name, entry)
  write_run(name, last, overlaps + 1, tick)
  return { 'overlap', last }
end
local answer, to_bring = admit(13, time, ARGV[8], ARGV[11] == '1')
if to_bring then
  return { 'bring', to_bring }
end
if answer == 'F' then
  return { 'full' }
end
write(name, entry)
if #answer > 1 then
  -- Nothing was added: the run before stays the last.
  return { 'fired', answer }
end
write_run(name, ARGV[12], overlaps, last_overlap)
if is_open then
  -- The moves of `admit` are written.
  counts, tallies, ends, bells, dues = {}, {}, {}, {}, {}
  local found = locate({ last }, '', 0, 0)
  if found[last] then cancel(last, found[last], ARGV[10], time, limits) end
  flush()
end
return { 'fired', answer }
