#!/usr/bin/env bash
# A private PostgreSQL for the tests: one cluster in a temporary folder, on a free port of 127.0.0.1.
#
#   eval "$(tests/postgres.sh start)"   starts it and sets LEASEHOLD_TEST_POSTGRES for the cargo tests
#   tests/postgres.sh stop              stops the cluster of this shell and removes it
#
# `start FOLDER` and `stop FOLDER` name the folder of the cluster; it must be empty or not exist.
# No other cluster of the machine is used, started or stopped.
set -euo pipefail

readonly MARKER=leasehold-test-cluster

main() {
    case "${1:-}" in
        start) start "${2:-}" ;;
        stop) stop "${2:-${LEASEHOLD_TEST_POSTGRES_HOME:-}}" ;;
        *) fail "usage: tests/postgres.sh start|stop [FOLDER]" ;;
    esac
}

start() {
    local home=${1:-} bin port
    if ! bin=$(server_binaries); then
        install_server
        bin=$(server_binaries) || fail "found no PostgreSQL server binaries, not even after installing the package"
    fi
    home=${home:-$(mktemp -d "${TMPDIR:-/tmp}/leasehold-pg.XXXXXX")}
    prepare_home "$home"
    as_postgres "$bin/initdb" --pgdata="$home/data" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C --no-sync >"$home/initdb.log" || fail "initdb failed, see $home/initdb.log"
    configure "$home"
    port=$(start_on_free_port "$bin" "$home")

    printf 'export LEASEHOLD_TEST_POSTGRES=%q\n' "postgres://postgres@127.0.0.1:$port/postgres"
    printf 'export LEASEHOLD_TEST_POSTGRES_BIN=%q\n' "$bin"
    printf 'export LEASEHOLD_TEST_POSTGRES_HOME=%q\n' "$home"
}

stop() {
    local home=$1
    [[ -n $home ]] || fail "which cluster? Name its folder or set LEASEHOLD_TEST_POSTGRES_HOME."
    # The marker is what makes removing a folder safe: nothing that `start` did not make is ever deleted.
    [[ -e $home/$MARKER ]] || return 0
    if [[ -e $home/data/postmaster.pid ]]; then
        local bin
        bin=$(server_binaries)
        # Tests that were killed may have left connections open: `fast` ends those, `immediate` is the last resort.
        as_postgres "$bin/pg_ctl" stop -w -t 30 -m fast -D "$home/data" >/dev/null \
            || as_postgres "$bin/pg_ctl" stop -w -t 30 -m immediate -D "$home/data" >/dev/null
    fi
    rm -rf -- "$home"
}

# Prints the folder that holds initdb, pg_ctl and psql: the newest packaged version, else what PATH knows.
server_binaries() {
    local candidates folder
    candidates=$(
        printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
        if command -v pg_config >/dev/null; then pg_config --bindir; fi
        if command -v initdb >/dev/null; then dirname "$(command -v initdb)"; fi
    )
    while read -r folder; do
        if [[ -x $folder/initdb && -x $folder/pg_ctl && -x $folder/psql ]]; then
            printf '%s\n' "$folder"
            return
        fi
    done <<<"$candidates"
    return 1
}

# Debian's package makes and starts a cluster of its own; we want only the programs, so it is told not to for once.
# What is installed already is never upgraded.
install_server() {
    command -v apt-get >/dev/null || fail "PostgreSQL server binaries are missing and there is no apt-get: install PostgreSQL"
    [[ $(id -u) == 0 ]] || fail "PostgreSQL server binaries are missing: run 'apt-get install postgresql' as root"
    local once=/etc/postgresql-common/createcluster.d/leasehold-tests.conf
    mkdir -p "$(dirname "$once")"
    echo "create_main_cluster = false" >"$once"
    {
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-upgrade postgresql
    } >&2 || { rm -f "$once"; fail "apt-get could not install postgresql"; }
    rm -f "$once"
    rmdir --ignore-fail-on-non-empty "$(dirname "$once")"
}

prepare_home() {
    local home=$1
    mkdir -p "$home"
    # `stop` removes the folder, so it must not hold anything of somebody else's.
    [[ -z $(ls -A "$home") ]] || fail "$home is not empty"
    mkdir "$home/socket"
    touch "$home/$MARKER"
    chmod 700 "$home"
    # PostgreSQL refuses to run as root.
    if [[ $(id -u) == 0 ]]; then chown -R postgres "$home"; fi
}

# fsync and synchronous_commit stay on: the durability tests need the truth.
configure() {
    local home=$1
    cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$home/socket'
max_connections = 300
fsync = on
synchronous_commit = on
CONF
}

# Starts the cluster and prints its port. Another process may take a port between our look and the bind, hence the loop.
start_on_free_port() {
    local bin=$1 home=$2 port attempt
    for attempt in {1..10}; do
        port=$((20000 + RANDOM % 12000))
        if port_is_taken "$port"; then continue; fi
        if as_postgres "$bin/pg_ctl" start -w -t 60 -D "$home/data" -l "$home/server.log" -o "-p $port" >/dev/null 2>&1; then
            printf '%s\n' "$port"
            return
        fi
        grep -q "could not bind" "$home/server.log" || break
    done
    cat "$home/server.log" >&2 || true
    fail "PostgreSQL did not start (attempt $attempt)"
}

port_is_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The caller's folder may be closed to the user postgres, so the command runs from /.
as_postgres() {
    if [[ $(id -u) == 0 ]]; then
        (cd / && exec runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

fail() {
    printf 'tests/postgres.sh: %s\n' "$*" >&2
    exit 1
}

main "$@"
