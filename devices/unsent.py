"""A read that pyepics could not send, and would wait for ever after.

pyepics 3.5 notes that an answer is on its way before it asks libca for it (`epics.ca.get_with_metadata`).
When the circuit breaks in between, libca refuses, the note stays, and no later read of that PV asks again:
each times out, also when the server has long been back.
"""

import sys


def forget_unsent(pv: str) -> None:
    """Let pyepics ask anew after a read of `pv` raised; no effect under another control layer."""
    ca = getattr(sys.modules.get("epics"), "ca", None)
    if ca is None or (entry := ca.get_cache(pv)) is None:
        return
    with entry.lock:
        for dbr_type, result in tuple(entry.get_results.items()):
            if result[0] is ca.GET_PENDING:
                del entry.get_results[dbr_type]
