"""Where secrets come from: the environment, files, Vault."""
