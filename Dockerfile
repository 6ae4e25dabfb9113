# The static command alone: `make image` fills the build context target/image and runs `docker build`.
#
# Jobs are files of the current folder, and the demo needs a folder for temporary files:
#     docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/jobs" countermand status wipes.job
#     docker run --rm --tmpfs /tmp countermand demo
FROM scratch
COPY LICENSE-MIT LICENSE-APACHE THIRD-PARTY.txt /
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY countermand /countermand
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /jobs
USER 65532:65532
ENTRYPOINT ["/countermand"]
