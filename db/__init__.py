"""The illustration suite's own database: raw rows and what the workers make of them."""
