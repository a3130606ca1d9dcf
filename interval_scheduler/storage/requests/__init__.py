"""Requests: numbered, gathered in batches, sent again until they are answered, and carried out once."""
