"""A small gateway-like parent: takes the state lock, starts a fake engine, prints ``ready``, then waits to be killed.

python tests/fakes/parent.py RUN_DIR STATE_DIR [ENGINE FLAG...]
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from backends.process.ledger import Ledger
from backends.process.lock import StateLock
from backends.process.supervisor import EngineProcess
from tests.fakes.engine_plan import fake_plan


async def main(run_dir: Path, state: Path, flags: list[str]) -> None:
    with StateLock(state):
        process = await EngineProcess.start(fake_plan(run_dir, *flags), Ledger(state / "engines"))
        await process.wait_ready()
        print(f"ready {process.started_at.pid} {process.started_at.start}", flush=True)
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
