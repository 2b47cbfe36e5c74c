#!/bin/sh
# The handler is the first argument, as in AWS's images; the rig may have set it in _HANDLER already.
[ -z "$1" ] || export _HANDLER="$1"
[ -n "$_HANDLER" ] || { echo "entrypoint requires the handler name to be the first argument" >&2; exit 142; }
exec /var/runtime/bootstrap
