"""What forms of the pages ask for."""
