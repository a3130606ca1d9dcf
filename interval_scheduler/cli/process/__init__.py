"""Worker processes: what runs in each of them, and the supervisor that keeps them up."""
