"""The run log: hits are written before they are shared. `docs/runlog.md` is the normative text."""
