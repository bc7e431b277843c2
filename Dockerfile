# Parley in a container. With PARLEY_DATABASE_URL it keeps nothing; without, its own PostgreSQL lives in the volume.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/parley \
 && /opt/parley/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . ./
RUN /opt/parley/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data parley
COPY --from=build /opt/parley /opt/parley
ENV PATH=/opt/parley/bin:$PATH \
    PARLEY_DATA_DIR=/data \
    PARLEY_HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s --interval=10s --timeout=3s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('PARLEY_PORT') or 8000}/readyz\", timeout=2)"]
ENTRYPOINT ["parley"]
CMD ["serve"]
