"""The dashboard as a program of its own: its server, and who signs in there."""
