"""The EPICS Channel Access face."""
