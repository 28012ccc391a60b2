"""What a satellite shows beside its instrument's attributes."""

from .attribute import Attribute

HEALTH_S = 2.0
"""How often the health of the process is shown."""
HEALTH = (
    Attribute("loop_lag", "float", "Longest delay of the event loop", "ms", 1),
    Attribute("malformed", "int", "Messages that could not be read"),
    Attribute("degraded", "bool", "A peer failed during this run"),
)
"""Attributes that every satellite has."""
OWN = (
    Attribute("state", "str", "Current state"),
    Attribute("run_id", "str", "Run now or last"),
)
"""Metrics that stock programs know; our proxies take the state from heartbeats."""
PSEUDO = ("state", "status_text", "connected")
"""Names that proxies use for what comes with the heartbeat."""
