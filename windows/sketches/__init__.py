"""What one column holds: mergeable summaries in fixed bins."""
