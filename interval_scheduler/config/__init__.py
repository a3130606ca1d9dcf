"""The options, checked before any I/O. Pure."""
