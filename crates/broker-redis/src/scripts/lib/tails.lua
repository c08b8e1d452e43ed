-- What a step adds to the tails of lists, run by run: added together by `flush_tails`, in the order in which it came.
local put_at_tail, flush_tails
do
  local tails = {}

  function put_at_tail(list, entry)
    local entries = tails[list]
    if entries then
      entries[#entries + 1] = entry
    else
      tails[list] = { entry }
    end
  end

  function flush_tails()
    for list, entries in pairs(tails) do in_pieces('RPUSH', list, entries) end
    tails = {}
  end
end
