#!lua flags=allow-oom
-- Switches a schedule on or off, or removes it.
--
-- KEYS  meta, none
-- ARGV  name, on, off or remove
-- reply 1 if it is there, or was
-- bound 1 schedule
local name, what = ARGV[1], ARGV[2]
local entry = read(name)
if not entry or entry.removed then
  return 0
end
if what == 'remove' then
  entry.removed = true
  call('HDEL', LAST_RUNS, name)
  call('HDEL', REPLACED, name)
elseif entry.on == (what == 'on') then
  return 1
else
  entry.on = what == 'on'
  if entry.on then entry.last_tick = math.max(entry.last_tick, now()) end
end
write(name, entry)
changed()
return 1
