"""What may never be in an event: tokens, enrolment codes, nonces, handles, open intakes."""
