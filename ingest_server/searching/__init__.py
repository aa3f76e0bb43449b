"""Search over recordings: the index kept beside the catalogue, filters, the list's page, previews, linking many."""
