# An image that holds the portable program and nothing else, for other images:
#   docker build --build-arg VERSION="$(git describe --tags --match 'v[0-9]*' --always --dirty)" -t rancher_cnode .
#   COPY --from=rancher_cnode /rancher_cnode /usr/local/bin/       in the Dockerfile of a release
# Without VERSION the program says that its commit is unknown, because .git does not go into the build.
# Run by itself, it is the C-node of a service: docker run --env RANCHER_CNODE_COOKIE=... rancher_cnode --targets all
FROM debian:12 AS build
COPY scripts/install scripts/static-libcurl scripts/build /src/scripts/
WORKDIR /src
RUN scripts/install build portable
RUN scripts/static-libcurl build/libcurl
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY packaging packaging
COPY scripts/with-rancher-cnode scripts/
COPY include include
COPY c_src c_src
ARG VERSION
RUN cmake --preset portable -D RANCHER_CNODE_VERSION="$VERSION" && scripts/build portable && \
    cmake --install build/portable --strip --prefix /installed

FROM scratch
COPY --from=build /installed/bin/rancher_cnode /installed/share/doc/rancher-cnode/THIRD-PARTY.txt /
COPY LICENSE packaging/THIRD-PARTY.md /
ENTRYPOINT ["/rancher_cnode"]
