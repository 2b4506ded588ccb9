"""Flows of nightwork, one file each, named as the flow; `cli` is the command line."""
