"""Phytron's stepper controllers: phyMOTION and MCC. Facts from the manual MA 1240 and public drivers."""
