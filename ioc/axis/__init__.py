"""The behaviour of the EPICS motor record as a pure state machine: no sockets, no clock, no event loop.

Facts are those of the motor module's documentation and of motorRecord.cc (R7-3 and later), in our own words
and code; docs/reference/motor.md lists every behaviour with ours beside it.
"""
