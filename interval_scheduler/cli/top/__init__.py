"""`top`: partitions, schedulers and tasks, live. What was read becomes a frame, and a frame a screen or a text."""
