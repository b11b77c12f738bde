"""The Supervisor: keeps the processes of this box as they are wanted."""
