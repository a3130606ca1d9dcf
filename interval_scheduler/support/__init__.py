"""Small things without any knowledge of tasks: a clock, a log, events."""
