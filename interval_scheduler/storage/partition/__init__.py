"""One partition: its state, its greeting, its batchers."""
