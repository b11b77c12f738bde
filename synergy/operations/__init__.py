"""What an operator can do, one function for each action, whoever asks: page, API, command line."""
