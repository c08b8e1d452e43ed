#!lua flags=allow-oom
-- Removes ended runs and what was kept of them.
--
-- KEYS  meta, none
-- ARGV  the ids
-- reply a byte for each id: 1 if it was removed, else 0
-- bound 512 ids
local answers, gone, seen = {}, {}, {}
for index, run in ipairs(call('HMGET', RUNS, unpack(ARGV))) do
  -- What has not ended is by its id as well, if it is delayed or has options.
  local has_ended = run and #run > 40 and state_of(run) > RETRYING
  local is_first = has_ended and not seen[ARGV[index]]
  if is_first then gone[#gone + 1], seen[ARGV[index]] = ARGV[index], true end
  answers[index] = is_first and '1' or '0'
end
in_pieces('HDEL', RUNS, gone)
in_pieces('ZREM', P .. 'kept', gone)
return table.concat(answers)
