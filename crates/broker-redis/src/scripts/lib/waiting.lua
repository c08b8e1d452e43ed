-- Who waits for the end of a run: the hash `waiting`, by id; for each process its name and until when it
-- waits. It is told in the list `ended:<process>`.
local WAITING = P .. 'waiting'

local tell
do
  -- The longest run that is told whole, in bytes; of a longer one the id, and it is looked up.
  local TOLD_WHOLE = 4096

  -- The most that one process is told and has not heard: then only that there was more, and it looks up all
  -- that it waits for.
  local UNHEARD = 4096

  -- What a process does not hear for so long, it looks up by itself: it was cut off, or is dead.
  local HEARD_WITHIN = 60000

  -- Tells whoever waits for a run that it has ended, or was removed (no `run`).
  function tell(id, run)
    local names = call('HGET', WAITING, id)
    if not names then
      return
    end
    call('HDEL', WAITING, id)
    for at = 1, #names, 38 do
      local list = P .. 'ended:' .. sub(names, at, at + 31)
      if call('RPUSH', list, run and #run <= TOLD_WHOLE and run or id) > UNHEARD then
        call('DEL', list)
        call('RPUSH', list, '')
      end
      call('PEXPIRE', list, HEARD_WITHIN)
    end
  end
end
