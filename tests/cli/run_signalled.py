"""The command line, to which a signal comes when nobody expects one, as the variable `WHEN` says.

`early`: before the supervisor takes signals, and after its address is open. `late`: when all but threads has ended.
"""

import os
import signal

from interval_scheduler.cli import main
from interval_scheduler.cli.process.supervisor import Supervisor

if __name__ == "__main__":
    run, when = Supervisor.run, os.environ["WHEN"]

    async def run_signalled(self: Supervisor) -> int:
        if when == "early":
            os.kill(os.getpid(), signal.SIGTERM)
        return await run(self)

    Supervisor.run = run_signalled  # type: ignore[method-assign]
    try:
        main()
    finally:
        if when == "late":
            os.kill(os.getpid(), signal.SIGTERM)
