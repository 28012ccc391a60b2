"""The emulated world: particles, sensor and pixels, every truth kept."""
