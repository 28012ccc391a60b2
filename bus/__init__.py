"""What two processes must agree on: the bus, the hit formats, the run log, the station file."""
