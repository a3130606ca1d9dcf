"""Everything that the README of the npm original promises, and the traps that it had."""
