"""The server of a folder: `local://`. Users start it, join it and leave it; a keeper ends it after the last of them.

::

                  first user              socket answers
    no server ───────────────▶ starting ─────────────────▶ serving ◀── further users join
        ▲                         │                           │
        │     it ends at once     │                           │ the last user left or died; the server or its keeper
        ├─────────────────────────┘                           ▼ was killed; the folder was removed
        └──────────── both are gone ◀────────────────────── ending

A process id or a socket file proves nothing. Four locks of files (`flock`) tell how things stand,
and the system frees each one when its holders are gone, however they went:

- `users.lock`: shared by all users; the keeper gets it alone once there are none.
- `start.lock`: held while somebody looks if there is a server, and starts one.
- `keeper.lock`: held by the keeper, from before its start.
- `server.lock`: held by the server, which inherits it.
"""
