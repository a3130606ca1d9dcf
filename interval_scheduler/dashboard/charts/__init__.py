"""Plots as SVG, with classes of the style sheet only. Pure functions."""
