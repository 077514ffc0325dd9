# Runs a command in one of Debian's roots, as it would run on that system: sh enter.sh ROOT
# WORKSPACE COMMAND…
#
# Started in namespaces of its own for mounts and processes. What the command changes goes to
# memory, and is gone with it; of this system it sees the workspace, /dev and the network.
set -eu
root=$1 workspace=$2
shift 2

layers=$root.layers
mkdir -p "$layers"
mount -t tmpfs -o mode=0755 layers "$layers"
mkdir "$layers/changes" "$layers/work" "$layers/system"
mount -t overlay -o "lowerdir=$root,upperdir=$layers/changes,workdir=$layers/work" system "$layers/system"
cd "$layers/system"
mount -t proc proc proc
mount --rbind /dev dev
mkdir -p ".$workspace"
mount --rbind "$workspace" ".$workspace"
# No package starts its server.
printf '#!/bin/sh\nexit 101\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
# This shell stays, as the first process here: it is the parent of whoever loses theirs, and they
# end for good when they end.
chroot . /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "${ENTER_FOLDER:-/}" "$@" || exit $?
