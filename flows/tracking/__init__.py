"""The batch manager: what Prefect's flow runs tell of batches, truly, and how one is begun, followed and stopped."""
