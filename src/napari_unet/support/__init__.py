"""What helps when something goes wrong: what this machine is like, and the report of a problem."""
