# The rig as a service of docker-compose.yml.
# LAMBDARIG_BASE: any image with Python 3.10 or later and pip. Secret ca_bundle: certificates for pip, where a proxy
# inspects TLS.
ARG LAMBDARIG_BASE=python:3.12-slim
FROM ${LAMBDARIG_BASE}
COPY . /src
RUN --mount=type=secret,id=ca_bundle \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi; \
    python3 -m pip install --quiet --no-cache-dir --root-user-action=ignore '/src[parquet]' && rm -rf /src
WORKDIR /rig
EXPOSE 4566
ENTRYPOINT ["lambdarig"]
CMD ["up", "--host", "0.0.0.0"]
