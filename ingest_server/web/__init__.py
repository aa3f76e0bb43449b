"""What every page stands on: languages, templates, static files, sessions' visits and forms."""
