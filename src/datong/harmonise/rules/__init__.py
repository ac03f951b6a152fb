"""Pure rules of harmonise: the workspace's texts, conversions and the plan as SQL text, quality figures, matching."""
