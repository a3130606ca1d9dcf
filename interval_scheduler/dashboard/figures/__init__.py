"""Figures of the pages, worked out of what was read. Pure functions."""
