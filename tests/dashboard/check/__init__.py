"""What the dashboard takes with a million tasks, in real processes: `make dashboard-check`."""
