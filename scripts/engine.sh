# A Docker engine for as long as it is needed: the one that answers, else one that is started here and stopped again.
# While an engine of ours runs, this file has its process id, and everyone who uses it holds a shared lock on the file.
owned=/run/lambdarig-engine.pid
held=

engine_answers() { timeout 20 docker version --format '{{.Server.Version}}' > /dev/null 2>&1; }

# Not by its name alone: a corpse that nobody has collected keeps that, but has no command line.
is_dockerd() { tr '\0' ' ' 2> /dev/null < "/proc/${1:-none}/cmdline" | grep -q dockerd; }

# Sets the engine up as far as this machine lets us; says why not otherwise.
engine_ready() {
    engine_answers || engine_start || return 1
    if [ -z "$held" ] && is_dockerd "$(cat "$owned" 2> /dev/null)"; then engine_hold; fi
}

engine_hold() {
    exec 9< "$owned"
    flock -s 9
    held=yes
}

engine_start() {
    [ -z "${DOCKER_HOST:-}" ] || { say "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST"; return 1; }
    if ! command -v dockerd > /dev/null; then
        can_apt || { say "no Docker engine answers, and only root on Debian or Ubuntu may install one"; return 1; }
        engine_install || return 1
    fi
    [ "$(id -u)" = 0 ] || { say "no Docker engine answers, and only root may start one"; return 1; }
    exec 8> "$owned.starting"
    flock 8 # another make may be at it
    engine_answers || engine_launch || return 1
    exec 8>&-
}

# From its first moment the engine is ours to stop.
engine_launch() {
    say "starting a Docker engine until this is done (log: .cache/dockerd.log)"
    if [ -d /run/systemd/system ]; then
        systemctl -q start docker.service || return 1
        systemctl -q show --property MainPID --value docker.service > "$owned"
    else
        setsid nohup dockerd > .cache/dockerd.log 2>&1 < /dev/null 8>&- &
        echo $! > "$owned"
    fi
    engine_hold
    engine_wait && return 0
    tail -n 20 .cache/dockerd.log >&2
    say "the Docker engine did not start"
    return 1
}

engine_install() {
    local packages=(docker.io iptables)
    # From Debian 13 on the client is a package of its own.
    command -v docker > /dev/null || [ -z "$(apt-cache -q search --names-only '^docker-cli$')" ] || packages+=(docker-cli)
    apt_install "${packages[@]}" || return 1
    # Where the package started it as a service, that goes again, to be started as ours: only so is it known what to stop.
    if [ -d /run/systemd/system ]; then systemctl -q stop docker.socket docker.service; fi
    if [ -x /etc/init.d/docker ] && engine_answers; then /etc/init.d/docker stop > /dev/null; fi
}

engine_wait() {
    local tries
    for tries in $(seq 150); do
        if engine_answers; then return 0; fi
        sleep 0.2
    done
    return 1
}

# The last one out stops the engine that one of us started.
engine_release() {
    [ -n "$held" ] || return 0
    held=
    set +e
    trap '' PIPE # `make bench 2>&1 | head`: what cannot be said any more must be done all the same
    flock -n -x 9 || { say "leaving the Docker engine to the others who use it"; return 0; }
    local pid tries
    pid=$(cat "$owned")
    rm -f "$owned"
    is_dockerd "$pid" || return 0
    say "stopping the Docker engine that was started here"
    if [ -d /run/systemd/system ]; then systemctl -q stop docker.socket docker.service; else kill "$pid"; fi
    for tries in $(seq 150); do
        is_dockerd "$pid" || return 0
        sleep 0.2
    done
    say "the Docker engine (process $pid) does not stop"
}
