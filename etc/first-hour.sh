#!/bin/sh
# first-hour.sh - a SoftHSM token, a configuration and a running avowd below run/, and what to try.
#
#   first-hour.sh start BUILD    make what is missing, start the daemon, wait until it has signed
#   first-hour.sh stop BUILD     stop it
#
# Nothing outside run/ is touched; removing run/ removes every trace, the keys included.
set -eu

action=$1
build=$2
here=$(cd "$(dirname "$0")/.." && pwd)
run=$here/run
port=${AVOW_PORT:-5300}

find_module() {
    for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
        [ -e "$module" ] && { echo "$module"; return; }
    done
    echo "first-hour.sh: SoftHSM is missing: run etc/dependencies.sh --run as root" >&2
    exit 1
}

make_token() {
    [ -e "$run/pin" ] && return
    mkdir -p "$run/tokens"
    chmod 0700 "$run" "$run/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
        "$run/tokens" > "$run/softhsm2.conf"
    pin=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    SOFTHSM2_CONF=$run/softhsm2.conf softhsm2-util --init-token --free --label avow \
        --pin "$pin" --so-pin "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')" > /dev/null
    (umask 077 && printf '%s\n' "$pin" > "$run/pin")
}

# For updates and transfers; the update that is there to be tried.
make_key() {
    [ -e "$run/first.key" ] || (umask 077 && "$build/avowctl" tsig generate first. > "$run/first.key")
    printf 'server 127.0.0.1 %s\nzone example.com.\nupdate add hello.example.com. 300 TXT "hello"\nsend\n' \
        "$port" > "$run/hello.update"
}

make_configuration() {
    [ -e "$run/avow.yaml" ] && return
    {
        cat <<EOF
# Made by make run; edit it as you like, then: build/avowctl -c run/avow.yaml status
server:
  listen: [127.0.0.1@$port]
  state: state
  control: avow.sock
  pid-file: avowd.pid
  log: {target: stderr, level: info}
keystores:
  - name: default
    module: $(find_module)
    uri: "pkcs11:token=avow"
    pin-file: pin
    environment: {SOFTHSM2_CONF: $run/softhsm2.conf}
tsig:
  - {name: first., secret-file: first.key}
policies:
  - name: default
    keystore: default
    algorithm: ecdsap256sha256
    keys: ksk+zsk
zone-defaults: {reload: merge}
zones:
EOF
        for file in "$here"/zones/*.zone; do
            zone=$(basename "$file" .zone)
            cat <<EOF
  - name: $zone.
    file: ../zones/$zone.zone
    allow-update: [{key: first.}]
    allow-transfer: [{key: first.}]
EOF
        done
    } > "$run/avow.yaml"
}

is_running() {
    [ -e "$run/avowd.pid" ] && kill -0 "$(cat "$run/avowd.pid")" 2> /dev/null
}

start_daemon() {
    is_running && { echo "avowd is running already"; return; }
    "$build/avowd" -t -c "$run/avow.yaml"
    (ulimit -r 1) 2> /dev/null && ulimit -r 1 # as in avowd.service
    setsid "$build/avowd" -c "$run/avow.yaml" >> "$run/avowd.log" 2>&1 < /dev/null &
    daemon=$!
    until "$build/avowctl" -c "$run/avow.yaml" status > /dev/null 2>&1; do
        kill -0 "$daemon" 2> /dev/null || {
            echo "avowd did not start; the end of run/avowd.log:" >&2
            tail -n 20 "$run/avowd.log" >&2
            exit 1
        }
        sleep 0.1
    done
}

wait_signed() {
    for file in "$here"/zones/*.zone; do
        "$build/avowctl" -c "$run/avow.yaml" zone wait "$(basename "$file" .zone)." --timeout 60
    done
}

# A trust anchor for delv: the DS that a parent would publish.
write_anchor() {
    {
        echo 'trust-anchors {'
        "$build/avowctl" -c "$run/avow.yaml" ds example.com. |
            awk '/[ \t]DS[ \t]/ { for (i = 1; i <= NF; i++) if ($i == "DS") { hex = "";
                 for (j = i + 4; j <= NF; j++) hex = hex $j;
                 printf "    \"%s\" static-ds %s %s %s \"%s\";\n", $1, $(i+1), $(i+2), $(i+3), hex } }'
        echo '};'
    } > "$run/anchor.conf"
}

print_next() {
    "$build/avowctl" -c "$run/avow.yaml" status
    cat <<EOF

Signed answers are on 127.0.0.1 port $port. Try:
    dig @127.0.0.1 -p $port www.example.com A +dnssec
    dig @127.0.0.1 -p $port no-such-name.example.com A +dnssec
    delv @127.0.0.1 -p $port -a run/anchor.conf +root=example.com www.example.com A
    nsupdate -k run/first.key run/hello.update
    delv @127.0.0.1 -p $port -a run/anchor.conf +root=example.com hello.example.com TXT
    dig @127.0.0.1 -p $port -k run/first.key example.com AXFR
    build/avowctl -c run/avow.yaml ds example.com.
    build/avowctl -c run/avow.yaml zone status example.com.
Log: run/avowd.log    Stop: make stop
EOF
}

case $action in
start)
    mkdir -p "$run"
    make_token
    make_key
    make_configuration
    start_daemon
    wait_signed
    write_anchor
    print_next
    ;;
stop)
    is_running || { echo "avowd is not running"; exit 0; }
    pid=$(cat "$run/avowd.pid")
    kill "$pid"
    while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
    ;;
*)
    echo "usage: first-hour.sh start|stop BUILD" >&2
    exit 2
    ;;
esac
