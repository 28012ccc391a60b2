"""Katherine readouts: the driver and its parts."""
