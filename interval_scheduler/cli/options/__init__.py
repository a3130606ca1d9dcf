"""The options and arguments of commands: durations and moments, rules, payloads, ids."""
