"""What the dashboard knows of the system, kept up to date for all requests at once."""
