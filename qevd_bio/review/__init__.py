"""Reviewing: queues, filters, agreement, proposals, and the page on which annotators judge."""
