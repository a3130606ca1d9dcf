"""What a user does: the examples and the documentation, executed."""
