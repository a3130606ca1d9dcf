"""When the set of partitions is not whole, or changes: hinted handoff, agreement, migration."""
