"""What is made from originals: facts, pictures and first signs of quality. Decoding happens only in the sandbox."""
