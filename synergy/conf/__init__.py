"""What a project says about itself: settings, and the context of processes and trees."""
