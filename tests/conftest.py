"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# No test is judged by its speed: machines under load are slow.
settings.register_profile("nightwork", deadline=None)
settings.load_profile("nightwork")
