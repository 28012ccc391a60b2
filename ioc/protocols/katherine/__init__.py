"""The control protocol of Katherine readouts, in both directions: bytes to objects, no sockets, no clock.

Facts from public sources: libkatherine 1.0.1 and the notes of its later versions, the Timepix3 manual. What
those leave open is a profile (`profile.py`) or stays a raw value; docs/instruments/katherine.md has the list.
"""
