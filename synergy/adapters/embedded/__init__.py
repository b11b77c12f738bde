"""The broker on one machine: tables of the SQLite file."""
