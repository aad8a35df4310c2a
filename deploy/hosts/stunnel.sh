#!/bin/sh
# Writes the configuration of stunnel (5.60 or newer) for one host of a monitor on several.
#
#   stunnel.sh NUMBER PROCESSES HOST:PORT ... > stunnel.conf
#
# NUMBER: which host this is, from 0. PROCESSES: cluster.processes. HOST:PORT: name (or IPv4 address) of each host as
# its certificate has it, and the port of its entry in cluster.hosts, which is on 127.0.0.1 there:
#
#   stunnel.sh 1 2 monitor-0:2100 monitor-1:2200 monitor-2:2300
#   cluster: {hosts: ["127.0.0.1:2100", "127.0.0.1:2200", "127.0.0.1:2300"], processes: 2}
#
# Beside it: ca.crt (of an authority for these hosts alone: whoever has a certificate of it can run code on all of them),
# host.crt and host.key (mode 0600). Each host listens at its own address on its port and those after it, one a process;
# a name must not lead to the loopback there, as Debian's /etc/hosts has it.
set -eu
number=$1 processes=$2
shift 2
cat <<END
foreground = yes
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
sslVersionMin = TLSv1.3
CAfile = ca.crt
cert = host.crt
key = host.key
verifyChain = yes
END
host=0
for address in "$@"; do
    name=${address%:*} port=${address##*:}
    case $name in *[!0-9.]*) check=checkHost ;; *) check=checkIP ;; esac
    offset=0
    while [ "$offset" -le "$processes" ]; do
        at=$((port + offset))
        if [ "$host" -eq "$number" ]; then
            printf '\n[in-%s]\naccept = %s:%s\nconnect = 127.0.0.1:%s\n' "$at" "$name" "$at" "$at"
        else
            printf '\n[out-%s]\nclient = yes\naccept = 127.0.0.1:%s\nconnect = %s:%s\n%s = %s\n' \
                "$at" "$at" "$name" "$at" "$check" "$name"
        fi
        offset=$((offset + 1))
    done
    host=$((host + 1))
done
[ "$number" -ge 0 ] && [ "$number" -lt "$host" ] || { echo "there is no host $number" >&2; exit 2; }
