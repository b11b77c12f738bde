"""What operators can do, asked for as pages, API and command line ask."""
