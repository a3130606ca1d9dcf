"""What every command stands in: how it is found, its common options, its connection, its end."""
