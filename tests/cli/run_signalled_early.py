"""The command line, in which a signal comes before the supervisor takes signals, and after its address is open."""

import os
import signal

from interval_scheduler.cli import main
from interval_scheduler.cli.process.supervisor import Supervisor

if __name__ == "__main__":
    run = Supervisor.run

    async def run_signalled(self: Supervisor) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return await run(self)

    Supervisor.run = run_signalled  # type: ignore[method-assign]
    main()
