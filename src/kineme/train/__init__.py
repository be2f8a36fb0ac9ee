"""Training: one readable loop, its optimisers and schedules, and the run directory."""
