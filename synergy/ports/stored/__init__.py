"""Values that every store keeps whole, as one text or document: how they are written and read."""
