"""What each stage of the overnight batch does, without Prefect: intake, generation, gates, review."""
