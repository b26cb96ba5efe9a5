# gauze in a container: docs/container.md says how it is built and run, and what each role needs.
# The build stage has compilers and tests at hand; nothing of it but dist/ comes into the image that runs.
FROM node:24.20.0-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# No install scripts: no package that gauze is built of or runs on needs one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# What `npm run build` runs, with the Node.js of this image.
RUN node scripts/build.ts

FROM node:24.20.0-trixie-slim
ENV NODE_ENV=production \
    GAUZE_STATUS_PORT=9464
WORKDIR /app
COPY package.json package-lock.json LICENSE ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force \
    # Volumes that are made over these folders belong to the user that runs gauze.
    && mkdir -p /sites/admin /sites/topology /sites/approvals /sites/provisioner /sites/sealer /sites/identity \
    && chown -R node:node /sites && chmod -R 0700 /sites
COPY --from=build /src/dist ./dist
USER 1000:1000
# Needs `metrics.port` of gauze.yaml to be this port; port 0, the default of gauze.yaml, cannot be asked.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.GAUZE_STATUS_PORT}/healthz`).then(({ok})=>process.exit(ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli/gauze.js"]
CMD ["--help"]
