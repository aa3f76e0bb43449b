"""The dock agent: takes what a recorder holds to the store and proves it."""
