"""The instrument side: drivers, emulators, conductor, supervisor and the faces."""
