"""The broker for many machines: RabbitMQ."""
