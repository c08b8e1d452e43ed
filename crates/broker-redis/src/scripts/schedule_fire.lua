#!lua
-- Fires one tick: moves the last tick on and stores the run, or says why not.
--
-- KEYS  meta, none
-- ARGV  name, version (8 bytes), tick ms, allowance ms, most runs of a queue (0: no limit), then the
--       run (lib/admit.lua), or nothing to skip the tick
-- reply {'fired', answer of lib/admit.lua or nothing}, {'done', last tick}, {'changed'}, {'off'}, {'early', wait ms} or {'full'}
-- bound 1 run
local name, version, tick = ARGV[1], ARGV[2], tonumber(ARGV[3])
local entry, time = read(name), now()
if not entry or entry.removed or not entry.on then
  return { 'off' }
elseif entry.version ~= version then
  return { 'changed' }
elseif tick <= entry.last_tick then
  return { 'done', entry.last_tick }
elseif tick > time + tonumber(ARGV[4]) then
  return { 'early', tick - time }
end
local answer = #ARGV > 5 and admit(6, time, tonumber(ARGV[5])) or ''
if answer == 'F' then
  return { 'full' }
end
entry.last_tick = tick
write(name, entry)
return { 'fired', answer }
