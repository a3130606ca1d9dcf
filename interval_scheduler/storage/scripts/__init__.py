"""The Lua scripts, the names of their keys, and the protocols of the partition that runs them."""
