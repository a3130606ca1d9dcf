"""Pure parts, in memory and in seconds: no server, no waiting."""
