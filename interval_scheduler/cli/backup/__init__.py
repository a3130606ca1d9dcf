"""Backups as files: they go out complete or not at all, and come in where they were cut off."""
