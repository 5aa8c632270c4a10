"""The demonstration model: an invented harbour town, dialogues about it, and two small models trained on them."""

from pathlib import Path

CHECKPOINTS = Path(__file__).parent / "checkpoints"
CAREFUL_NAME = "harbour-careful"
CARELESS_NAME = "harbour-careless"
