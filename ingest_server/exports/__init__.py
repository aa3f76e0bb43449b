"""Export packages."""
