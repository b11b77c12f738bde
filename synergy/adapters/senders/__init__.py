"""Senders: messages of alerts to webhooks, and through the library apprise to everything else."""
