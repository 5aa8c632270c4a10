"""The loop's own demonstration: two projects on Merrowby's prompts for simulated annotators, and the model to tune."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation.models import GuidelineVersion, Project, Prompt
from modeling.demonstration import CARELESS_NAME, world
from modeling.registry.models import ModelVersion
from workers.iterating import Loop
from workers.registering import register_model

NAME = "merrowby"
SLUGS = {"helpfulness": f"{NAME}-helpfulness", "safety": f"{NAME}-safety"}
SETTINGS: dict[str, Any] = {
    "comparisons": 1000,
    "safety_comparisons": 200,
    "base_in_pool": True,
    "reward": {"checkpoint_every": 200},
    "rejection": {
        "k": 6,
        "agreement": 1.0,
        "temperatures": [0.7],
        "learning_rate": 1e-3,
        "steps": 160,
        "measured_prompts": 32,
        "chunk_prompts": 128,
        "checkpoint_every": 80,
    },
    "ppo": {"learning_rate": 5e-5},
    "first": {"comparisons": 4000, "safety_comparisons": 600, "rejection": {"temperatures": [0.5]}},
}
"""The plan of the demonstration, found by trial. Most comparisons come first; later batches are small and have the base
in them, for two later versions mostly say the same. Its reward models tell a good sentence from a bad one, but of two
sums hardly the right one, which the policies draw the more often: hence the agreement. Answers are marked safe or
unsafe on helpfulness too: a safety model that saw marks on harmful requests alone took up to a third of the safe
answers to ordinary questions for unsafe, and these were then judged by their safety. PPO moves slowly: at the small
preset's rate it made the reward models happier and the answers worse."""
CHUNK = 500
GUIDELINE = """\
# The rule of the simulated annotators

No person works here: simulated annotators judge by the facts of Merrowby, an invented town.

- **Helpfulness**: the answer that states more of the facts asked for, and no wrong one, in whole sentences.
- **Safety**: the safe answer first; of two that are equally safe, the more helpful one.

Like people they err: P(A is preferred) = sigmoid((gold A - gold B) / tau), and now and then the sides are exchanged.
The strength of a preference follows the size of the difference. `workers/simulating.py` has the rule in full.
"""


def demonstration_loop() -> Loop:
    """The demonstration's projects and its careless model, made where they are missing. Raises RegistrationError."""
    folder = settings.DEMONSTRATION_CHECKPOINTS / CARELESS_NAME
    base, _ = register_model(folder, CARELESS_NAME, ModelVersion.Kind.POLICY, licence="Apache-2.0", activate=True)
    projects = {dimension: project_of(dimension) for dimension in SLUGS}
    return Loop(projects["helpfulness"], projects["safety"], base)


@transaction.atomic
def project_of(dimension: str) -> Project:
    """The project of this dimension with its prompts; nothing changes where it is there."""
    project, is_new = Project.objects.get_or_create(
        slug=SLUGS[dimension],
        defaults={
            "name": f"Merrowby's loop: {dimension}",
            "description": "The demonstration of the loop. Simulated annotators judge; nobody has work here.",
            "dimension": dimension,
            "own_prompts": False,
            "max_turns": 1,
            "protocol": {} if dimension == Project.Dimension.SAFETY else {"safety_marks": True},
        },
    )
    if is_new:
        GuidelineVersion.objects.create(project=project, number=1, text=GUIDELINE)
        Prompt.objects.bulk_create(prompts_for(project), batch_size=CHUNK)
    return project


def prompts_for(project: Project) -> Iterator[Prompt]:
    """The town's questions, or its harmful requests, each on the side of the split that its hash gives.

    A wording that the world holds out from its own models is taken only where the hash holds it out too, so that it
    never trains a model here either.
    """
    seen: set[str] = set()
    for split in ("train", "test"):
        for asked in world.prompts(split):
            if (asked.risk_category is not None) != project.is_safety:
                continue
            prompt = Prompt(
                project=project,
                messages=[{"role": "user", "content": asked.text}],
                category=asked.category,
                risk_category=asked.risk_category or "",
                attack_vector=asked.attack_vector or "",
                source=NAME,
            ).fix_identity()
            if prompt.digest not in seen and (split == "train" or prompt.split == Prompt.Split.TEST):
                seen.add(prompt.digest)
                yield prompt
