"""How a request gets there once: numbered, in batches, sent again until it is answered."""
