# Shared by the scripts: say what happens, install with apt-get, and find the machine's own Debian mirror.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
mkdir -p .cache

say() { echo "lambdarig: $*" >&2; }

fail() { say "$*"; exit 3; }

misused() { say "$*"; exit 2; }

# Runs a command silently; when it fails, shows what it said.
quietly() {
    local log
    log=$(mktemp .cache/quietly.XXXXXX)
    if "$@" > "$log" 2>&1; then rm -f "$log"; return 0; fi
    tail -n 40 "$log" >&2
    rm -f "$log"
    say "this failed: $*"
    return 1
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; }

apt_install() {
    can_apt || return 1
    say "installing with apt-get: $*"
    quietly apt-get -q update || return 1
    DEBIAN_FRONTEND=noninteractive quietly \
        apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

# The Debian mirror that this machine's apt already uses; empty on anything else.
debian_mirror() {
    command -v apt-get > /dev/null || return 0
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2> /dev/null |
        awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}
