"""Leaving Channel Access in order, at the end of a program."""

import sys


def leave() -> None:
    """End ophyd's callback threads, then libca; devices are of no use afterwards.

    At exit libca, which came later, would be taken down first, and a callback under way would complain about
    a channel that is gone. Left open, libca would write a warning when a station stops.
    """
    if "ophyd" not in sys.modules:
        return
    import ophyd

    dispatcher = ophyd.get_cl().get_dispatcher()
    if dispatcher is not None and dispatcher.is_alive():
        dispatcher.stop()
    if "epics" in sys.modules:
        sys.modules["epics"].ca.finalize_libca()
