#!lua
-- Stores definitions of schedules.
--
-- KEYS  meta, none
-- ARGV  for each: name, version (8 bytes), definition
-- reply a byte for each: C created, R replaced, U unchanged, O outdated
-- bound the number of definitions
local answers, time = {}, now()
for at = 1, #ARGV, 3 do
  local name, version, definition = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local entry, answer = read(name), nil
  if entry and (is_lower(version, entry.version) or entry.removed and version == entry.version) then
    answer = 'O'
  elseif not entry or entry.removed then
    write(name, { version = version, on = true, removed = false, last_tick = time, definition = definition })
    answer = 'C'
  elseif entry.definition == definition and entry.version == version then
    answer = 'U'
  else
    call('HSET', REPLACED, name, entry.version .. time_bytes(time) .. entry.definition)
    entry.version, entry.definition = version, definition
    write(name, entry)
    answer = 'R'
  end
  if answer == 'C' or answer == 'R' then changed() end
  answers[#answers + 1] = answer
end
return table.concat(answers)
