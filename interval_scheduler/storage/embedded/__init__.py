"""The embedded engine: `fakeredis`, an extra, with a shorter way for scripts.

fakeredis compiles a script anew at each call, collects all garbage of its Lua interpreter after each, looks through all
globals before each command, and packs and parses each request as if there was a network. Here a store keeps its
compiled scripts, seals the globals instead, and hands requests over as they are. Commands that scripts call for many
tasks at once have a quicker way for their usual forms. All else is fakeredis's own: the other commands, its data, its
connections for everything but scripts.

::

    EVALSHA ──▶ client.py ──▶ sockets.py ──▶ programs.py ──▶ Lua ──redis.call──▶ sockets.py ──▶ fakeredis's command
                   │                                                    plans.py says how, or quick.py does it
                   └─ it failed its trial, or is no EVALSHA ──▶ fakeredis's way

The short way uses names of fakeredis that are not public. So it is tried once in each process: if a name is missing, or
one script answers otherwise than on fakeredis's way, all goes that way, slower and as ever.

Only `connection.client` imports what is in here, when a URL asks for `memory://`.
"""
