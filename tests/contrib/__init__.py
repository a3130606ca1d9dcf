"""Web frameworks, servers and recipes, each of them the real one, on a real Redis."""
