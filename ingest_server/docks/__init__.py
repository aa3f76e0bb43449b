"""Docks: enrolment, revocation and the register; recorders and their dockings."""
