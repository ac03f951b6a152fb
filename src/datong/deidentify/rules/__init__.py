"""Pure rules of the room, one file per question: recipe, nodes, counting (SQL text), suppression, risk, assessment."""
