"""The form of a task: its fields as texts, what they mean, what differs from the task, and what would come of it."""
