"""What lets a run outlast its server, which is started anew or lost for a while; set before Prefect is imported."""

from __future__ import annotations

# A client tries again, each time after twice as long as before: 17 minutes together. Prefect's own 5 are one minute,
# after which a night would end where a stage does.
OUTLASTING = {"PREFECT_CLIENT_MAX_RETRIES": "9"}
