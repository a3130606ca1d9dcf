"""Programs in which other schedulers write their own schedules, for the tests of moving in."""
