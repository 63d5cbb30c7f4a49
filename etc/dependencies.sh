#!/bin/sh
# dependencies.sh - installs the Debian 12 packages that are missing; says what it would need when
# it is not root.
#
#   dependencies.sh           what building needs
#   dependencies.sh --run     and what make run needs: a software token, dig and delv
#   dependencies.sh --test    and what make check and make lint need
#
# Nothing is fetched when nothing is missing. No service is started by what is installed.
set -eu

build="gcc make autoconf automake pkg-config libssl-dev liblmdb-dev libev-dev libp11-kit-dev
    libyaml-dev libjansson-dev libxxhash-dev libsodium-dev libseccomp-dev check"
run="softhsm2 bind9-dnsutils"
test="opensc p11-kit nsd knot knot-dnssecutils knot-dnsutils bind9 bind9-utils unbound ldnsutils
    python3 python3-dnspython python3-pytest python3-yaml swtpm swtpm-tools libtpm2-pkcs11-1
    libtpm2-pkcs11-tools tpm2-tools strace clang clang-format clang-tidy libclang-rt-14-dev mandoc
    dnsperf iproute2 procps jq certbot python3-certbot-dns-rfc2136 pebble kea-dhcp-ddns-server"

case ${1:-} in
"") wanted=$build ;;
--run) wanted="$build $run" ;;
--test) wanted="$build $run $test" ;;
*)
    echo "usage: dependencies.sh [--run | --test]" >&2
    exit 2
    ;;
esac

# The packages of $wanted that are not installed, one blank before each.
list_missing() {
    for package in $wanted; do
        case $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null) in
        "install ok installed") ;;
        *) printf ' %s' "$package" ;;
        esac
    done
}

if ! command -v dpkg-query > /dev/null; then
    echo "dependencies.sh: this is not Debian; what Debian calls these packages is needed:" >&2
    echo "$wanted" >&2
    exit 1
fi
missing=$(list_missing)
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "dependencies.sh: packages are missing; as root: apt-get install$missing" >&2
    exit 1
fi

# Name servers that come for the tests must not start: while this file is there, they do not.
guard=/usr/sbin/policy-rc.d
remove_guard() {
    rm -f "$guard"
}
if [ ! -e "$guard" ]; then
    trap remove_guard EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$guard"
    chmod 0755 "$guard"
fi

echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # a list of packages
apt-get -qq -y --no-install-recommends install $missing > /dev/null
missing=$(list_missing)
if [ -n "$missing" ]; then
    echo "dependencies.sh: could not be installed:$missing" >&2
    exit 1
fi
