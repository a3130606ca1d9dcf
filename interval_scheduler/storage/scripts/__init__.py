"""The Lua scripts, the names of their keys, and what runs them."""
