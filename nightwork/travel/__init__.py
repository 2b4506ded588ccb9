"""Batches that travel: a repository named by its address is worked on in a copy, and state goes through its remote."""

from nightwork.travel.source import Source
from nightwork.travel.visiting import glance, visit

__all__ = ["Source", "glance", "visit"]
