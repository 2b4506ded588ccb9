"""The back office of a small hardware shop."""
