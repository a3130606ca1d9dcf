"""The actions: each does what a form asks for, and says what came of it in a sentence."""
