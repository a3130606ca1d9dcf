"""The output of commands: results as tables, lines and JSON, and words beside them."""
