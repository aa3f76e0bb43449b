"""Many recorders at once: slots, whose turn it is, and what people are told of each."""
