"""The dock's screen: a page of this machine that shows the board to the people at the rack."""
