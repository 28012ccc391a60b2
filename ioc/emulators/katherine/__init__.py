"""An emulated Katherine readout."""
