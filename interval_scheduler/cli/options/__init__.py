"""What commands take: durations and moments, rules, payloads, ids."""
