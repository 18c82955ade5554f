# The application alone, without the emulator and without a database of its own.

FROM node:24-slim AS pages
WORKDIR /build
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

FROM python:3.13-slim AS packages
COPY requirements.lock /tmp/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement /tmp/requirements.lock \
    && /opt/venv/bin/pip uninstall --yes --disable-pip-version-check pip
# The application runs from its own tree, where it finds its migrations and the pages. So the
# command is written here, and no build backend is needed.
RUN printf '%s\n' '#!/opt/venv/bin/python' \
        'from backend.cli.main import app' \
        '' \
        'if __name__ == "__main__":  # workers import this file' \
        '    app()' \
        > /opt/venv/bin/rollcall \
    && chmod 755 /opt/venv/bin/rollcall

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1
RUN useradd --system --no-create-home --shell /usr/sbin/nologin rollcall
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY pyproject.toml LICENSE ./
COPY alembic/ alembic/
COPY backend/ backend/
COPY --from=pages /build/build/ frontend/build/
RUN python -m compileall -q alembic backend
USER rollcall
EXPOSE 3000
# Not /readyz: a database that is away is no reason to start the application again.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/healthz', timeout=4)"]
ENTRYPOINT ["rollcall"]
CMD ["serve", "--host", "0.0.0.0"]
