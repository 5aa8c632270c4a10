"""Plain PyTorch on transformers: what the workers run, without Django and without Celery."""
