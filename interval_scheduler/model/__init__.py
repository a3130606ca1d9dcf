"""What a task is and may ask for, and what is told of it. Pure."""
