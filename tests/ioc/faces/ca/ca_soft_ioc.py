"""EPICS base itself (softioc) with one database: the reference for what fields answer."""

import asyncio
import sys

from softioc import asyncio_dispatcher, softioc


async def main() -> None:
    softioc.dbLoadDatabase(sys.argv[1])
    softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(asyncio.get_running_loop()))
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
