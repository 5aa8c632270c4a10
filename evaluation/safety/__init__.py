"""How safe models are: violations (section 4.4), red teaming (section 4.3), false refusals (section 4.2.3)."""
