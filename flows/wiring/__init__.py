"""What binds the flows to Prefect: the parameters, places, names, states, reports and questions of their runs."""
