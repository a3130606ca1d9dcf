"""Claiming due tasks and running them."""
