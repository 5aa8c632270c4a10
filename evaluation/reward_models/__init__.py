"""How far a reward model can be trusted: its scores against what people said (sections 3.2.2, 3.4.1 and 4.2.3)."""
