"""What the register knows: code tables, the case and its moves, refusals. Values only."""
