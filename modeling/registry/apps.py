from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "modeling.registry"
    label = "registry"
    verbose_name = "Models and runs"
