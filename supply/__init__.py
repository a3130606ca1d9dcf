"""What goes into a release: the lock, read strictly; a bill of materials of it; its audit for known vulnerabilities."""
