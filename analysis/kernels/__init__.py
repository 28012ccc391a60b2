"""Numba kernels, pure: decode, sort, cluster, features, histogram."""
