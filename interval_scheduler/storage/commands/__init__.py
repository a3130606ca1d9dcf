"""One typed function a script: the only callers of the Lua scripts."""
