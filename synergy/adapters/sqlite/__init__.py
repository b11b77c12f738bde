"""The store on one machine: a SQLite file."""
