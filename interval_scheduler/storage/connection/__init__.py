"""Connections: a server is found, reached, inspected, listened to and lost."""
