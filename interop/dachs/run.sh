#!/bin/bash
# Interoperability job: DaCHS on loopback serves the SIMULATED demo sky over TAP and SIA, and
# check_agreement.py compares what pyvo and this package's clients make of it.
#
# Usage: interop/dachs/run.sh [--keep]
#
# For Debian 12 or later. As root it installs the packages below where they are missing; as anybody
# else it says how to. Set PYTHON to a Python that has astroclip-astro[test].
#
# No existing PostgreSQL cluster is touched: the job makes its own, in a temporary folder, on a Unix
# socket in that folder. DaCHS listens on 127.0.0.1 only. Everything is removed at the end;
# with --keep it runs on until Ctrl-C.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
keep=${1:-}
if [ $# -gt 1 ] || { [ $# -eq 1 ] && [ "$keep" != --keep ]; }; then
    echo "Usage: $0 [--keep]" >&2
    exit 2
fi
packages=(python3-gavo postgresql postgresql-pgsphere postgresql-q3c)

export PYTHONDONTWRITEBYTECODE=1  # root leaves nothing in the checkout

step() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

extensions=/usr/share/postgresql/*/extension
if ! command -v dachs >/dev/null || ! ls $extensions/pg_sphere.control $extensions/q3c.control \
    >/dev/null 2>&1; then
    install=(apt-get install -y --no-install-recommends "${packages[@]}")
    if [ "$(id -u)" -ne 0 ]; then
        echo "Missing packages; as root: ${install[*]}" >&2
        exit 1
    fi
    step "installing ${packages[*]}"
    DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null
fi

# Neither PostgreSQL nor DaCHS should run as root.
if [ "$(id -u)" -eq 0 ]; then user=nobody as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
else user=$(id -un) as=(); fi
group=$(id -gn "$user")

work=$(mktemp -d -t astroclip-dachs.XXXXXX)
cleanup() {
    [ -z "${dachs:-}" ] || kill "$dachs" 2>/dev/null || true
    [ -z "${dachs:-}" ] || wait "$dachs" 2>/dev/null || true
    [ ! -d "$work/cluster" ] || "${as[@]}" "$bin/pg_ctl" -D "$work/cluster" -m fast -s stop || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

step "writing the demo sky for DaCHS"
"$python" "$here/publish.py" "$work/inputs"
port=$("$python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$work/gavo.rc" <<RC
[general]
rootDir: $work
group: $group
[web]
bindAddress: 127.0.0.1
serverPort: $port
serverURL: http://127.0.0.1:$port
user: $user
RC
[ "$(id -u)" -ne 0 ] || chown -R "$user:$group" "$work"
cd "$work"
as+=(env "GAVOSETTINGS=$work/gavo.rc" GAVOCUSTOM=/nonexistent "HOME=$work")

step "making a PostgreSQL cluster in $work"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
"${as[@]}" "$bin/initdb" -D "$work/cluster" --auth=trust --encoding=UTF8 --locale=C >"$work/initdb.log"
"${as[@]}" "$bin/pg_ctl" -D "$work/cluster" -w -s -l "$work/postgres.log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$work' -c fsync=off" start
"${as[@]}" "$bin/createdb" -h "$work" dachs_demo_sky

step "initialising DaCHS $(dpkg-query -W -f '${Version}' python3-gavo)"
"${as[@]}" dachs init -d "host=$work dbname=dachs_demo_sky" >"$work/init.log" 2>&1 \
    || { cat "$work/init.log"; exit 1; }
for resource in desi_edr desi_dr1 demo_sky; do
    step "importing $resource"
    "${as[@]}" dachs imp "$resource/q" >"$work/import.log" 2>&1 || { cat "$work/import.log"; exit 1; }
done

"${as[@]}" dachs serve start --foreground >"$work/serve.log" 2>&1 &
dachs=$!
export DACHS_URL=http://127.0.0.1:$port
for _ in $(seq 60); do
    ! curl -sf -o /dev/null "$DACHS_URL/tap/availability" || break
    kill -0 "$dachs" 2>/dev/null || { cat "$work/serve.log"; exit 1; }
    sleep 0.5
done
step "DaCHS serves $DACHS_URL/tap and $DACHS_URL/demo_sky/q/sia/siap.xml"

if [ "$keep" = --keep ]; then
    echo "Ctrl-C ends it."
    wait "$dachs"
fi
cd "$here/../.."
"$python" -m pytest -v -p no:cacheprovider --import-mode=prepend "$here/check_agreement.py"
step "done"
