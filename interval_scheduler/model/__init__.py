"""Tasks, their rules, and the reports about them. Pure."""
