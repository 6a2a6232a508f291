"""Files that appear when they are complete: one at a time, in shards, in chunks."""
