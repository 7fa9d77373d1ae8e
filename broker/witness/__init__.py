"""A witness: a small program of a partner that cosigns a log's checkpoints, and no two that contradict each other."""
