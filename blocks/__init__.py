"""Prefect blocks of nightwork, one file per class: configuration and credentials only."""
