"""What a project is: its files, what each of them tells, what they need of each other; nothing of it is run."""
