"""The control room: what a Prefect server is told of nightwork, and the processes that keep it up on one machine."""
