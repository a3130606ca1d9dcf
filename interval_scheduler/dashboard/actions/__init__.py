"""The actions that forms of the pages ask for."""
