"""A stage: several axes as one instrument, which flies one of them at a constant speed."""
