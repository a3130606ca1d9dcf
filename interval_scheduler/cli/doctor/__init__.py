"""`doctor`: what is wrong with a namespace, and what to do about it. It gathers, then judges, then tells."""
