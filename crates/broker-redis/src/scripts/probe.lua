#!lua flags=no-writes
-- Does nothing: whoever may not run scripts learns it at the start.
--
-- KEYS  meta, none
-- ARGV  none
-- reply 1
-- bound nothing
return 1
