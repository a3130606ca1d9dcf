"""The frame of every command: how it is found, its common options, its connection, and its end."""
