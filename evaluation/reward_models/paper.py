"""What the Llama 2 paper reports of its own reward models, to hold others against."""

from modeling.registry.models import ModelVersion

BY_RATING: dict[str, tuple[float, float, float, float]] = {
    ModelVersion.Kind.HELPFULNESS_REWARD: (0.807, 0.675, 0.609, 0.547),
    ModelVersion.Kind.SAFETY_REWARD: (0.943, 0.763, 0.657, 0.553),
}
"""Accuracy on the model's own stream from significantly better to negligibly better or unsure (table 8)."""
OVERALL: dict[str, float] = {
    ModelVersion.Kind.HELPFULNESS_REWARD: 0.632,
    ModelVersion.Kind.SAFETY_REWARD: 0.645,
}
THRESHOLD = 0.15
"""Of the safety model's probability: what scores below it is taken for unsafe in PPO's reward (section 3.2.3)."""
THRESHOLD_PRECISION, THRESHOLD_RECALL = 0.89, 0.55
"""At that threshold, on the paper's safety test set."""
