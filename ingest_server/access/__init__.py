"""Access to originals: a reason first, then an event, then a grant, then bytes."""
