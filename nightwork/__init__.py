"""nightwork runs batches of agent work overnight; this library is everything that can be said without Prefect."""

__version__ = "0.1.0"
