"""One trace on one machine under one policy, or under all of them."""

from gateway.scheduling.device import Inventory
from gateway.scheduling.simulate.fifo_swap import FifoSwap
from gateway.scheduling.simulate.lru_fit import LruFit
from gateway.scheduling.simulate.report import Report, report
from gateway.scheduling.simulate.subject import Forebay, Make
from gateway.scheduling.simulate.trace import Trace
from gateway.scheduling.simulate.world import World

POLICIES: dict[str, Make] = {"forebay": Forebay, "fifo-swap": FifoSwap, "lru-fit": LruFit}
"""The scheduler of this project, and what llama-swap and Ollama do by default."""


def simulate(trace: Trace, inventory: Inventory, policy: str) -> Report:
    """The figures of ``policy``, one of ``POLICIES``. Same inputs, same report."""
    world = World(POLICIES[policy], inventory, trace)
    world.run()
    return report(policy, world, inventory)
