"""Every test of the relay runs on both loops: asyncio's own, and uvloop, which the gateway runs on."""

import asyncio

import uvloop


def pytest_asyncio_loop_factories():
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
