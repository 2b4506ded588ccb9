"""Programs of others that are measured beside nightwork; each runs in an environment of its own."""
