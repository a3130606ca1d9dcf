"""The folder of a `local://` URL: read from the URL, made absolute, and shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from ..errors import ConfigurationError

#: The greatest number of a database on the server of a folder: it has the 16 that a server has by itself.
MOST_LOCAL_DB: Final = 15


def folder_of(netloc: str, path: str, *, has_credentials: bool) -> str:
    """Return the path of the folder that a URL names, as it stands there. Pure.

    Args:
        netloc: the text between `local://` and the next slash, the first name of a relative path.
        path: the rest, up to the options.
        has_credentials: True if an `@` was in front of it.

    Raises:
        ConfigurationError: the URL names no folder, or has parts that a folder has not.
    """
    if has_credentials:
        raise ConfigurationError(
            "url", "local:// takes no user name and no password: its folder is for this user alone"
        )
    if ":" in netloc:
        raise ConfigurationError(
            "url", "local:// takes no port: write local://./folder, or local:///path/of/the/folder"
        )
    if netloc.startswith("~"):
        raise ConfigurationError("url", "local:// does not know ~: write the path of your home directory")
    folder = os.fsdecode(unquote_to_bytes(netloc + path))
    if not folder:
        raise ConfigurationError(
            "url", "local:// needs a folder: write local://./folder, or local:///path/of/the/folder"
        )
    return folder


def absolute(option: str, folder: str) -> str:
    """Return the absolute path of a folder, from the current directory of this moment.

    Raises:
        ConfigurationError: it cannot be the path of a folder; the message names the option.
    """
    if not folder or "\0" in folder:
        raise ConfigurationError(option, "must be the path of a folder")
    try:
        return str(Path.cwd() / folder)  # `..` stays: behind a symbolic link it leads elsewhere than the text says
    except FileNotFoundError:
        raise ConfigurationError(option, "cannot be made absolute: the current directory is gone") from None


def local_url(folder: str) -> str:
    """Return the URL of a folder by its absolute path, for messages and names. Pure."""
    return f"local://{quote(os.fsencode(folder))}"
