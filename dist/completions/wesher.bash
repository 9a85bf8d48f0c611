# bash completion for wesher(8): commands, options, values.

# What an option's value may be; nothing for free text.
_wesher_values() {
	case $1 in
	--log-level)
		COMPREPLY=($(compgen -W "debug info warn error" -- "$2"))
		;;
	--interface)
		local sock meshes=""
		for sock in /run/wesher/*.sock; do
			[[ -S $sock ]] || continue
			sock=${sock##*/}
			meshes+=" ${sock%.sock}"
		done
		COMPREPLY=($(compgen -W "${meshes:- wgoverlay}" -- "$2"))
		;;
	--bind-iface)
		local dev devs=""
		for dev in /sys/class/net/*; do
			devs+=" ${dev##*/}"
		done
		COMPREPLY=($(compgen -W "$devs" -- "$2"))
		;;
	--cluster-key-file | --priv)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	--join)
		local head=""
		[[ $2 == *,* ]] && head=${2%,*},
		COMPREPLY=($(compgen -P "$head" -A hostname -- "${2##*,}"))
		;;
	--metrics)
		COMPREPLY=($(compgen -W "127.0.0.1:9946 unix:" -- "$2"))
		;;
	--user)
		COMPREPLY=($(compgen -u -- "$2"))
		;;
	esac
}

_wesher() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local values="--cluster-key --cluster-key-file --join --bind-addr
		--bind-iface --advertise-addr --cluster-port --wireguard-port
		--overlay-net --overlay-addr --interface --mtu --keepalive
		--hold-down --forget-after --hosts-domain --metrics --log-level
		--user --priv"
	local agent="$values --init --keep-interface --no-etc-hosts
		--allow-static"
	local every="--debug --version --help"
	local named="--interface --log-level --user"
	local word command="" skip="" i

	COMPREPLY=()
	# "--option=value" comes in three words, "=" being one of them.
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $prev == "=" ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $prev == --* && " ${values//[$'\n\t']/ } " == *" $prev "* ]]; then
		_wesher_values "$prev" "$cur"
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == "=" ]]; then
			skip=1
		elif [[ -n $skip ]]; then
			skip=
		elif [[ " ${values//[$'\n\t']/ } " == *" $word "* ]]; then
			skip=1
			[[ ${COMP_WORDS[i + 1]} == "=" ]] && skip=
		elif [[ $word != -* && -z $command ]]; then
			command=$word
		fi
	done
	if [[ $cur != -* ]]; then
		[[ -n $command ]] ||
			COMPREPLY=($(compgen -W "agent status monitor key leave
				forget join log-level" -- "$cur"))
		case $command in
		log-level | join)
			_wesher_values "--$command" "$cur"
			;;
		esac
		return
	fi
	case ${command:-agent} in
	agent)
		COMPREPLY=($(compgen -W "$agent $every" -- "$cur"))
		;;
	status)
		COMPREPLY=($(compgen -W "--json --watch --graph $named $every" \
			-- "$cur"))
		;;
	monitor)
		COMPREPLY=($(compgen -W "--json $named $every" -- "$cur"))
		;;
	forget | join | log-level)
		COMPREPLY=($(compgen -W "$named $every" -- "$cur"))
		;;
	key)
		COMPREPLY=($(compgen -W "--generate --new-wireguard --priv $named
			$every" -- "$cur"))
		;;
	leave)
		COMPREPLY=($(compgen -W "--no-etc-hosts --priv $named $every" \
			-- "$cur"))
		;;
	esac
}

complete -F _wesher wesher
