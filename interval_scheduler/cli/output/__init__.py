"""What commands write: results as tables, lines and JSON, and words beside them."""
