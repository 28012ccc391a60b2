"""The hitline command: one module per sub-command."""
