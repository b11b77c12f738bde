"""The same as JSON, and its description (OpenAPI)."""
