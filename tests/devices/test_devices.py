"""Devices on a real CA server over both control layers; what happens: scenarios.py, breakages.py."""

import pytest

SCENARIOS = (
    "exposures_are_own",
    "documents_are_valid",
    "pauses",
    "aborts",
    "parts_alone",
    "own_runs",
    "grown",
    "ramps",
    "circuits_break",
    "late_results",
    "refusals",
    "others",
    "cuts",
    "restart",
    "timeouts",
    "stops",
    pytest.param("launch_is_lost", marks=pytest.mark.faults),
)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_devices(scenario, client):
    client(scenario)
