"""Everything that talks to Redis, and the only package that imports it."""
