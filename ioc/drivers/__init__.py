"""One module per instrument: link and protocol to attributes."""
