"""The contract with the facility: EPICS database files and the small reader for them."""
