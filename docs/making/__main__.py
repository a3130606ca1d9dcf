"""Writes anew what is made of the pages, and the pictures that they show: `python -m docs.making`, or `make pages`."""

from __future__ import annotations

from docs.making.files import made

for path, content in made().items():
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f"{path} was written")
