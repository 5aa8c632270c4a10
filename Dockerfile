# One image for the site and the workers; docker-compose.yml says which is which.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PLUMBLINE_VAR_DIR=/data \
    STATIC_ROOT=/app/static

# The CPU build of torch. docker-compose.gpu.yml says how to build it for GPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN useradd --create-home --uid 1000 plumbline && mkdir /data && chown plumbline /data
WORKDIR /app
COPY requirements.lock .
RUN pip install --index-url "$TORCH_INDEX" torch==2.13.0 && pip install -r requirements.lock
COPY . .
# The folder of the secret key that only this step makes is not part of the image.
RUN PLUMBLINE_VAR_DIR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 && rm -rf /tmp/build

USER plumbline
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "webapp.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", \
     "--threads", "8", "--max-requests", "10000", "--max-requests-jitter", "1000", "--no-control-socket"]
