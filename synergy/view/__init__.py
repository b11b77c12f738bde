"""What people see, as values: the command line prints them and the dashboard renders them."""
