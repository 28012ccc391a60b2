"""Raw detector words to hits and back, in plain numpy: the twin of the fast kernels."""
