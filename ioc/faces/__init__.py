"""Faces translate between the bus and a control system, and keep nothing that matters."""
