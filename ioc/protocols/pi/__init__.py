"""PI GCS 2.0 (sans I/O)."""
