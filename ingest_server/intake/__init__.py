"""Reception of recordings: dockings, intakes, parts, completion, receipts, clearings."""
