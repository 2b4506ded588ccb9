"""What a model gets to see of a module, what it is asked, and what of its answer is believed."""
