#!/usr/bin/env bash
# Installs the Debian packages that are missing.  Nothing else is downloaded to build or test this project, but for the client
# libraries of `make nightly` that Debian does not have, one of them in `make interop` (hot-shots), and in `make nightly` the schemas
# of Kubernetes (kubernetes-validate) and of the Prometheus operator (cloudcoil-models-prometheus-operator).
#
#   deps.sh [GROUP...]           install what is missing of the groups (all of them when none is named)
#   deps.sh --check [GROUP...]   only say what is missing; exit status 1 if anything is
#   deps.sh --list               the packages and what each is for
#   deps.sh --lacking CC LIB...  say which of compiler and libraries (names of pkg-config) are not found; exit status 1
#
# No service is left behind: packages that bring one (redis-server, prometheus) are installed with a policy that forbids
# starting it, and what they would enable at boot is disabled again, unless it was there before.
# DEPS=skip in the environment trusts that all is there (another distribution, for example).
# DEPS_ROOT is where /usr and /etc are, for the tests of this script.
set -euo pipefail

# group package what-for
PACKAGES='
build    gcc                       the compiler (or clang)
build    make                      the build
build    pkg-config                finds the libraries
build    libc6-dev                 the C library
build    libuv1-dev                event loop, threads, signals
build    libhiredis-dev            protocol of Redis
build    libmicrohttpd-dev         HTTP server
build    libinih-dev               config file
build    libjansson-dev            JSON
build    zlib1g-dev                gzip bodies
build    libxxhash-dev             hashing
build    libyaml-dev               mapping files
build    libpcre2-dev              regexes of mapping files
build    libzstd-dev               zstd bodies
build    libgnutls28-dev           TLS
build    libcrypt-dev              hashes of passwords
build    libseccomp-dev            which system calls the server may make
build    libncurses-dev            the screen of statsd top
build    libcurl4-gnutls-dev       HTTP of statsd top and statsd tail, which load it when they run
build    libpcap0.8-dev            capture files
build    libjs-dygraphs            charts of the page, part of the binary
run      redis-server              a private Redis for make run and the tests
run      curl                      reads /metrics back
test     libcmocka-dev             unit tests
test     openssl                   certificates for the end-to-end tests
test     python3                   end-to-end tests
test     python3-pytest            their runner
test     python3-redis             reads Redis back
test     python3-yaml              reads the rules and manifests of contrib
test     python3-prometheus-client second opinion on the exposition
test     tmux                      the terminal of statsd top
test     libprotobuf-c-dev         decodes the protobuf format of /metrics
test     protobuf-c-compiler       makes code of its schema
test     protobuf-compiler         a second opinion on it
test     spin                      checks the models of make model
test     tcpdump                   reads captures back
test     prometheus                promtool, and a real Prometheus that scrapes
interop  gunicorn                  app server that sends metrics
interop  python3-flask             the Flask app
interop  uwsgi-core                another app server with metrics
interop  uwsgi-plugin-python3      for uwsgi
interop  python3-statsd            client library
interop  python3-aiodogstatsd      client library
optional nodejs                    runs the client library hot-shots in make interop
optional npm                       fetches it
optional python3-pip               fetches client libraries in make nightly
optional golang-go                 builds client programs there
optional maven                     fetches client libraries there
optional default-jdk-headless      builds client programs there
optional cargo                     builds client programs there
optional gcc-aarch64-linux-gnu     builds for aarch64 in make arm64
optional libc6-dev-arm64-cross     for that
optional qemu-user-static          runs it
optional faketime                  clocks that are apart in make chaos
optional chromium                  opens the page in make nightly and make screenshots
optional chromium-driver           for that
optional python3-selenium          for that
optional python3-matplotlib        draws the dashboards in make screenshots
optional zsh                       completes in a test what contrib/completions has
optional fish                      the same
package  build-essential           what Debian takes for granted, for make deb
package  debhelper                 makes the packages
package  dh-apparmor               loads the profile when they are installed
package  lintian                   checks them
package  mmdebstrap                a bare root for make package-test and make container-test
package  apparmor                  reads the profile there
optional qemu-system-x86           a kernel with AppArmor for make vm-test
optional podman                    builds and runs the image there
optional runc                      for that
dev      clang                     second compiler, fuzzing
dev      libclang-rt-14-dev        its sanitizers and libFuzzer
dev      clang-format              make format
dev      clang-tidy                make tidy
dev      mandoc                    checks the manual pages
'
UNITS='redis-server prometheus'
ROOT=${DEPS_ROOT:-}
POLICY=$ROOT/usr/sbin/policy-rc.d

say() { printf 'deps: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

packages_of() {
    awk -v groups=" $* " '$1 != "" && index(groups, " " $1 " ") { print $2 }' <<<"$PACKAGES"
}

# libclang-rt has the version of clang in its name: the one that the distribution's clang wants.
real_name() {
    if [ "$1" = libclang-rt-14-dev ] && command -v apt-cache >/dev/null; then
        local version
        version=$(apt-cache depends clang 2>/dev/null | sed -nE 's/^ *Depends: clang-([0-9]+)$/\1/p' | head -n 1)
        echo "libclang-rt-${version:-14}-dev"
    else
        echo "$1"
    fi
}

missing_of() {
    local installed package
    # One call for all: this runs before every `make test`.
    # shellcheck disable=SC2046
    installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' $(packages_of "$@") 2>/dev/null | sed -nE 's/^ii +//p' || true)
    for package in $(packages_of "$@"); do
        grep -qxF -- "$package" <<<"$installed" && continue
        case $package in
        # Another compiler or make that works is as good.
        gcc) command -v "${CC:-cc}" >/dev/null || command -v clang >/dev/null || echo gcc ;;
        make) command -v make >/dev/null || echo make ;;
        libclang-rt-*) [ -n "$(find /usr/lib/llvm-*/lib/clang -name 'libclang_rt.fuzzer-*.a' -print -quit 2>/dev/null)" ] || real_name "$package" ;;
        *) echo "$package" ;;
        esac
    done
}

# What runs a command as root: nothing, or sudo.
root_by() {
    if [ "$(id -u)" = 0 ]; then
        echo ""
    elif command -v sudo >/dev/null; then
        echo sudo
    else
        return 1
    fi
}

policy_ours='' log='' as_root='' new=''
policy_remove() {
    if [ -n "$policy_ours" ]; then
        $as_root rm -f "$POLICY"
        policy_ours=
    fi
}

# Debian starts a service when its package is installed, unless this file says 101 (invoke-rc.d(8)).
policy_put() {
    [ -e "$POLICY" ] && return
    printf '#!/bin/sh\n# Put here by deps.sh for the time of one apt-get install.\nexit 101\n' | $as_root tee "$POLICY" >/dev/null
    $as_root chmod 755 "$POLICY"
    policy_ours=yes
}

# The package enables its service for every init, whichever runs here: links in /etc/rc?.d, and of systemd.
units_disable() {
    local unit
    for unit in $UNITS; do
        case " $new " in *" $unit "*) ;; *) continue ;; esac
        $as_root update-rc.d "$unit" disable >/dev/null 2>&1 || true
        if command -v systemctl >/dev/null; then $as_root systemctl disable "$unit" >/dev/null 2>&1 || true; fi
        $as_root find "$ROOT/etc/systemd/system" -type l -lname "*/$unit.service" -delete 2>/dev/null || true
    done
}

# hot-shots needs 360 packages for one test: said, not installed.
optional_said() {
    case " $* " in *" interop "*) ;; *) return 0 ;; esac
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        say "no node and npm here: the test of the client library hot-shots is skipped (apt-get install nodejs npm: 196 MB)"
    fi
}

lacking_said() {
    local cc=${1%% *} absent='' lib
    shift
    command -v "$cc" >/dev/null || absent="the compiler $cc"
    if ! command -v pkg-config >/dev/null; then
        absent="${absent:+$absent, }pkg-config, and so the libraries $*"
    else
        for lib in "$@"; do pkg-config --exists "$lib" 2>/dev/null || absent="${absent:+$absent, }$lib"; done
    fi
    say "not found: $absent"
    say "remedy: make deps (or make run, make test: they install what is missing)"
    [ -z "${PKG_CONFIG_LIBDIR:-}" ] || say "looked in PKG_CONFIG_LIBDIR=$PKG_CONFIG_LIBDIR only"
    exit 1
}

install_missing() {
    new="$*"
    command -v apt-get >/dev/null || die "missing: $new
deps: there is no apt-get here.  Install these packages (or what your distribution calls them), then set DEPS=skip."
    as_root=$(root_by) || die "missing: $new
deps: neither root nor sudo.  As root:  apt-get install --no-install-recommends $new"
    say "installing: $new"
    log=$(mktemp)
    trap 'policy_remove; rm -f "$log"' EXIT
    trap 'exit 130' INT TERM
    policy_put
    # The lists of a fresh machine or container are empty or old.
    # shellcheck disable=SC2086
    if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $new >"$log" 2>&1 </dev/null; then
        if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
               apt-get install -y --no-install-recommends $new; } >"$log" 2>&1 </dev/null; then
            tail -n 15 "$log" >&2
            die "apt-get failed (above).  When it works again:  apt-get install --no-install-recommends $new"
        fi
    fi
    units_disable
    policy_remove
    say "installed"
}

check=
case ${1:-} in
--list) awk 'NF { g = $1; p = $2; $1 = $2 = ""; printf "%-8s %-27s%s\n", g, p, $0 }' <<<"$PACKAGES"; exit ;;
--check) check=yes; shift ;;
--lacking) shift; lacking_said "$@" ;;
esac
[ "${DEPS:-}" = skip ] && exit 0
[ $# -gt 0 ] || set -- build run test interop dev
command -v dpkg-query >/dev/null || die "no dpkg here, so nobody can tell what is missing.
deps: needed are (names of Debian): $(packages_of "$@" | tr '\n' ' ')
deps: with DEPS=skip in the environment this check is left out."

optional_said "$@"
missing=$(missing_of "$@" | sort -u | tr '\n' ' ')
[ -n "${missing// /}" ] || exit 0
if [ -n "$check" ]; then
    say "missing: $missing"
    say "remedy: make deps"
    exit 1
fi
# shellcheck disable=SC2086
install_missing $missing
