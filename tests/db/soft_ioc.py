"""A real soft IOC that loads databases: `python soft_ioc.py FILE MACROS [FILE MACROS ...]`.

Prints the names of its records and, for each, what it says of itself by Channel Access' own database access.
"""

import sys

from softioc import asyncio_dispatcher, softioc

if __name__ == "__main__":
    arguments = sys.argv[1:]
    for file, macros in zip(arguments[::2], arguments[1::2], strict=True):
        softioc.dbLoadDatabase(file, substitutions=macros)
    softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher())
    softioc.dbl()
    for line in sys.stdin:
        softioc.dbgf(line.strip())
    sys.stdout.flush()
    softioc.epicsExit(0)
