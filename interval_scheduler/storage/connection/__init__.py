"""How a server is reached, looked at, listened to and lost."""
