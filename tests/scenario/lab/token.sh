#!/bin/sh
# token.sh - makes a token for tests, and says on standard output how to reach it: KEY=VALUE lines.
#
#   token.sh softhsm FOLDER LABEL PIN        another LABEL in the same FOLDER adds a token
#   token.sh tpm2    FOLDER LABEL PIN PORT   a software TPM on 127.0.0.1, PORT and PORT+1
#   token.sh stop    FOLDER                  ends the software TPM of FOLDER
#
# Lines: module=PATH and pid=N are for the caller; every other line is environment for the module.
# Exit 77: what this kind of token needs is not installed; a line on standard error says what.
set -eu

missing() {
    echo "token.sh: $1 is not installed" >&2
    exit 77
}

first_file() {
    for file in "$@"; do
        if [ -e "$file" ]; then
            echo "$file"
            return 0
        fi
    done
    return 1
}

softhsm() {
    folder=$1 label=$2 pin=$3
    command -v softhsm2-util >/dev/null || missing softhsm2
    module=$(first_file /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
        /usr/lib64/softhsm/libsofthsm2.so) || missing libsofthsm2
    mkdir -p "$folder/tokens"
    cat >"$folder/softhsm2.conf" <<EOF
directories.tokendir = $folder/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
EOF
    SOFTHSM2_CONF=$folder/softhsm2.conf softhsm2-util --init-token --free --label "$label" \
        --pin "$pin" --so-pin "$pin" --module "$module" >"$folder/init.log" 2>&1 ||
        { cat "$folder/init.log" >&2; exit 1; }
    echo "module=$module"
    echo "SOFTHSM2_CONF=$folder/softhsm2.conf"
}

# A TPM without a resource manager runs out of room for what the tools leave loaded, so each tool
# that tpm2_ptool calls is wrapped with a flush before it.
wrap_tools() {
    mkdir -p "$1"
    for tool in /usr/bin/tpm2_*; do
        name=${tool##*/}
        case $name in
        tpm2_ptool | tpm2_flushcontext) continue ;;
        esac
        printf '#!/bin/sh\n/usr/bin/tpm2_flushcontext -t >/dev/null 2>&1\nexec %s "$@"\n' \
            "$tool" >"$1/$name"
        chmod 0755 "$1/$name"
    done
}

start_tpm() {
    folder=$1 port=$2
    mkdir -p "$folder/tpm"
    swtpm socket --tpm2 --tpmstate dir="$folder/tpm" --flags not-need-init,startup-clear \
        --server type=tcp,port="$port",bindaddr=127.0.0.1 \
        --ctrl type=tcp,port=$((port + 1)),bindaddr=127.0.0.1 \
        --log file="$folder/swtpm.log" --pid file="$folder/swtpm.pid" --daemon
}

tpm2() {
    folder=$1 label=$2 pin=$3 port=$4
    for tool in swtpm tpm2_ptool tpm2_flushcontext; do
        command -v $tool >/dev/null || missing $tool
    done
    module=$(first_file /usr/lib/*/libtpm2_pkcs11.so.1 /usr/lib/*/pkcs11/libtpm2_pkcs11.so) ||
        missing libtpm2-pkcs11-1
    mkdir -p "$folder/store"
    start_tpm "$folder" "$port"
    export TPM2TOOLS_TCTI="swtpm:host=127.0.0.1,port=$port"
    export TPM2_PKCS11_TCTI=$TPM2TOOLS_TCTI TPM2_PKCS11_STORE=$folder/store
    wrap_tools "$folder/bin"
    {
        PATH=$folder/bin:$PATH tpm2_ptool init --path "$folder/store" &&
            PATH=$folder/bin:$PATH tpm2_ptool addtoken --pid 1 --label "$label" \
                --userpin "$pin" --sopin "$pin" --path "$folder/store" &&
            tpm2_flushcontext -t
    } >"$folder/init.log" 2>&1 || { cat "$folder/init.log" >&2; stop "$folder"; exit 1; }
    echo "module=$module"
    echo "pid=$(cat "$folder/swtpm.pid")"
    echo "TPM2_PKCS11_STORE=$folder/store"
    echo "TPM2_PKCS11_TCTI=$TPM2_PKCS11_TCTI"
    echo "TPM2_PKCS11_LOG_LEVEL=0"
    echo "TSS2_LOG=all+NONE"
}

stop() {
    if [ ! -s "$1/swtpm.pid" ]; then
        return 0
    fi
    pid=$(cat "$1/swtpm.pid")
    kill "$pid" 2>/dev/null || return 0
    tries=100 # it tidies its folder up, this file last: wait for that, 5 seconds at most
    while [ -e "$1/swtpm.pid" ] && [ $tries -gt 0 ]; do
        sleep 0.05
        tries=$((tries - 1))
    done
}

kind=${1:-}
shift || true
case $kind-$# in
softhsm-3) softhsm "$@" ;;
tpm2-4) tpm2 "$@" ;;
stop-1) stop "$@" ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
