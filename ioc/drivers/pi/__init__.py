"""Controllers of PI that speak GCS 2.0."""
