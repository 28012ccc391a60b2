"""What tests and the programs that they start share."""
