#!lua flags=allow-oom
-- Removes ended runs and what was kept of them.
--
-- KEYS  meta, none
-- ARGV  the ids
-- reply a byte for each id: 1 if it was removed, else 0
-- bound 512 ids
local answers, gone = {}, {}
for index, run in ipairs(call('HMGET', RUNS, unpack(ARGV))) do
  -- What has not ended is by its id as well, if it is delayed or has options.
  local has_ended = run and #run > 40 and state_of(run) > RETRYING
  if has_ended then gone[#gone + 1] = ARGV[index] end
  answers[index] = has_ended and '1' or '0'
end
in_pieces('HDEL', RUNS, gone)
in_pieces('ZREM', P .. 'kept', gone)
return table.concat(answers)
