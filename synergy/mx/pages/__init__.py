"""The pages: for each subject what is shown of it and what its forms ask for."""
