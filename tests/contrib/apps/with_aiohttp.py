"""aiohttp: `python -m tests.contrib.apps.with_aiohttp PORT`."""

from __future__ import annotations

import sys

from aiohttp import web

from interval_scheduler.contrib.aiohttp import SCHEDULER, cleanup_context
from tests.contrib.apps.ledger import work, worker


async def assign(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    return web.json_response(await request.app[SCHEDULER].assign_task(work.task(name, name)))


if __name__ == "__main__":
    app = web.Application()
    app.router.add_put("/tasks/{name}", assign)
    app.cleanup_ctx.append(cleanup_context(worker))
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
