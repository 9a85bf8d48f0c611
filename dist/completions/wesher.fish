# fish completion for wesher(8): commands, options, values.

function __wesher_meshes
    set -l socks /run/wesher/*.sock
    test (count $socks) -gt 0; or echo wgoverlay
    for sock in $socks
        string replace -r '.*/(.*)\.sock$' '$1' -- $sock
    end
end

function __wesher_devices
    for dev in /sys/class/net/*
        string replace -r '.*/' '' -- $dev
    end
end

# The command that was typed, "agent" when none was: options' values may read
# like one. With --any, whether there is one.
function __wesher_command
    set -l valued --cluster-key --cluster-key-file --join --bind-addr \
        --bind-iface --advertise-addr --cluster-port --wireguard-port \
        --overlay-net --overlay-addr --interface --mtu --keepalive \
        --hold-down --forget-after --hosts-domain --metrics --log-level \
        --user --priv
    set -l value no
    for word in (commandline -opc)[2..]
        if test $value = yes
            set value no
        else if contains -- $word $valued
            set value yes
        else if not string match -q -- '-*' $word
            echo $word
            return 0
        end
    end
    contains -- --any $argv; and return 1
    echo agent
end

function __wesher_is
    contains -- (__wesher_command) $argv
end

set -l none "not __wesher_command --any >/dev/null"
set -l agent "__wesher_is agent"
set -l follows "__wesher_is monitor"
set -l looks "__wesher_is status"
set -l keys "__wesher_is key"
set -l leaves "__wesher_is leave"

complete -c wesher -f
complete -c wesher -n $none -a agent -d "Start the daemon"
complete -c wesher -n $none -a status -d "The mesh as it is"
complete -c wesher -n $none -a key -d "The cluster key"
complete -c wesher -n $none -a leave -d "Leave the mesh"
complete -c wesher -n $none -a monitor -d "What happens, as it does"
complete -c wesher -n $none -a forget -d "Forget a failed member"
complete -c wesher -n $none -a join -d "Join one more host"
complete -c wesher -n $none -a log-level -d "Log more or less"
complete -c wesher -n "__wesher_is join" -a "(__fish_print_hostnames)"
complete -c wesher -n "__wesher_is log-level" -a "debug info warn error"

complete -c wesher -l interface -x -a "(__wesher_meshes)" -d "The WireGuard interface"
complete -c wesher -l log-level -x -a "debug info warn error" -d "What is logged"
complete -c wesher -l debug -s d -d "Stay in the foreground, log to stderr"
complete -c wesher -l user -x -a "(__fish_complete_users)" -d "The unprivileged user"
complete -c wesher -l version -d "Print the version"
complete -c wesher -l help -s h -d "List the options"

complete -c wesher -n $agent -l cluster-key -x -d "32 bytes in base64"
complete -c wesher -n $agent -l cluster-key-file -r -F -d "The key from a file"
complete -c wesher -n $agent -l join -x -a "(__fish_print_hostnames)" -d "Members to join"
complete -c wesher -n $agent -l init -d "Forget the saved state"
complete -c wesher -n $agent -l bind-addr -x -d "Address of membership"
complete -c wesher -n $agent -l bind-iface -x -a "(__wesher_devices)" -d "Interface of membership"
complete -c wesher -n $agent -l advertise-addr -x -d "What others are told"
complete -c wesher -n $agent -l cluster-port -x -d "Membership, UDP and TCP"
complete -c wesher -n $agent -l wireguard-port -x -d "Tunnels, UDP"
complete -c wesher -n $agent -l overlay-net -x -d "Network of the overlay addresses"
complete -c wesher -n $agent -l overlay-addr -x -d "Our overlay address"
complete -c wesher -n $agent -l mtu -x -d "MTU of the interface"
complete -c wesher -n $agent -l keepalive -x -d "Persistent keepalive in seconds"
complete -c wesher -n $agent -l hold-down -x -d "How long a tunnel outlasts its member"
complete -c wesher -n $agent -l forget-after -x -d "How long failed members are tried"
complete -c wesher -n $agent -l keep-interface -d "SIGTERM ends silently, everything stays"
complete -c wesher -n $agent -l no-etc-hosts -d "Leave /etc/hosts alone"
complete -c wesher -n $agent -l hosts-domain -x -d "Domains of names in /etc/hosts"
complete -c wesher -n $agent -l allow-static -d "Members may choose their overlay address"
complete -c wesher -n $agent -l metrics -x -a "127.0.0.1:9946 unix:" -d "Where Prometheus asks"
complete -c wesher -n $agent -l priv -r -F -d "wesher-priv to run"

complete -c wesher -n $looks -l json -d "The answer as JSON"
complete -c wesher -n $looks -l watch -d "Again every two seconds"
complete -c wesher -n $looks -l graph -d "Who sees whom, for Graphviz"
complete -c wesher -n $follows -l json -d "Events as JSON"
complete -c wesher -n $keys -l generate -d "Print a new key"
complete -c wesher -n $keys -l new-wireguard -d "Renew the WireGuard key"
complete -c wesher -n $keys -l priv -r -F -d "wesher-priv to run"
complete -c wesher -n $leaves -l no-etc-hosts -d "Leave /etc/hosts alone"
complete -c wesher -n $leaves -l priv -r -F -d "wesher-priv to run"
