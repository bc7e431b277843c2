"""What we accept and show."""
