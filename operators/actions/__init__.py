"""Actions: what alerts, schedules and people ask of other systems, in event time alone."""
