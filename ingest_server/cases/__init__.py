"""Case files: opening, attaching, detaching."""
