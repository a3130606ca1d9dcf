"""Changes of tasks: the question before, the calls, and an answer for each id."""
