"""Faults that a run must survive, each on a real mongod of the test's own."""
