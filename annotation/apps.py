from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"
    verbose_name = "Annotation"

    def ready(self) -> None:
        from annotation import care, gates, gold, qualifying

        gates.CHECKS[:] = [care.consent_gate, qualifying.gate, gold.pause_gate, care.cap_gate]
