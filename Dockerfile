# TokenPak in a container: not root, nothing writable but the volume. docs/deploying.md says how.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
COPY src src
RUN npm ci --no-audit --no-fund && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# uWebSockets.js brings a binary of 5 to 7 MB for each of 26 pairs of platform and Node.
RUN binary="uws_linux_$(node -p 'process.arch + "_" + process.versions.modules').node" \
  && find node_modules/uWebSockets.js/dist/bin -type f ! -name "$binary" -delete \
  && node --input-type=module -e "import 'uWebSockets.js'"

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
COPY src/admin/page src/admin/page
COPY config.example.yaml LICENSE ./
COPY fixtures/recipe.yaml fixtures/recipe.yaml
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/tokenpak \
  && chmod +x dist/src/cli/main.js \
  && install -d -o node -g node -m 0700 /data
# The image's `node`, by number: runAsNonRoot in Kubernetes believes no name.
USER 1000:1000
# storage.path: /data in the config, which is mounted at /etc/tokenpak/config.yaml.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the admin listener, which is plain HTTP whatever server.tls says.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8001/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/src/cli/main.js"]
CMD ["proxy", "--config", "/etc/tokenpak/config.yaml"]
