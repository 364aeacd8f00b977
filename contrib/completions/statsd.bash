# Completion of statsd for bash.  `make docs` fills what lies between "told" and "end", from what the binary says.
# shellcheck shell=bash

# told lists
_statsd_options='server.interval=
    server.workers=
    server.instance=
    server.log_level=
    server.log_format=
    server.drain_timeout=
    server.state_dir=
    server.state_interval=
    server.control_socket=
    server.user=
    server.sandbox=
    listen.socket=
    listen.rcvbuf=
    listen.spread=
    listen.idle_timeout=
    protocol.gauge_sign=
    protocol.name_tags=
    protocol.origin_tags=
    protocol.keep_internal_tags=
    protocol.log_rejected=
    protocol.cpu=
    limits.max_series=
    limits.max_series_per_name=
    limits.max_series_per_origin=
    limits.origin_prefix_v4=
    limits.origin_prefix_v6=
    limits.max_samples_per_name=
    limits.max_connections=
    limits.max_connections_per_address=
    limits.tls_handshakes_per_second=
    limits.max_line=
    limits.max_name=
    limits.max_tags=
    limits.max_tag_len=
    aggregate.ttl=
    aggregate.sketch_schema=
    aggregate.quantiles=
    aggregate.summary_max_age=
    aggregate.summary_age_buckets=
    aggregate.set_window=
    aggregate.drop_tags=
    aggregate.global_tags=
    prometheus.mapping=
    prometheus.suffixes=
    prometheus.created=
    prometheus.exemplar_tag=
    prometheus.service_checks=
    prometheus.observer_type=
    prometheus.type_idle=
    prometheus.buckets=
    prometheus.native_histogram_factor=
    prometheus.native_histogram_max_buckets=
    http.listen=
    http.allow=
    http.web_config=
    http.hosts=
    http.guard_metrics=
    http.access_log=
    http.lifecycle=
    http.max_connections=
    http.max_per_ip=
    http.sample=
    http.show_lines=
    http.max_streams=
    http.max_streams_per_ip=
    http.timeout=
    mirror.to=
    mirror.share=
    mirror.by=
    capture.dir=
    capture.start=
    capture.share=
    capture.snaplen=
    capture.max_bytes=
    capture.max_file_bytes=
    capture.max_files=
    redis.url=
    redis.password_file=
    redis.sentinel_password_file=
    redis.tls_ca_file=
    redis.tls_cert_file=
    redis.tls_key_file=
    redis.prefix=
    redis.retention=
    redis.spool_max_bytes=
    redis.spool_disk_max_bytes=
    redis.spool_max_age=
    redis.events_max=
    redis.totals_ttl=
    redis.gauge_merge=
    redis.instance_label=
    redis.instance_ttl=
    redis.connect_timeout=
    redis.reply_timeout='
_statsd_valued='--by --ca --config --filter --for --framing --from --instance --last --limit --loop --mapping-out --number --port --rate --set --speed --step --test --to -c -n'
# end

# bash cuts words at '=' and ':', and replaces the last piece alone: then the pieces before it are no part of an answer.
_statsd_reply() {   # WORDS PREFIX TYPED: those of WORDS that begin with TYPED; PREFIX stands before them in the same word
    local word prefix=$2
    [[ $COMP_WORDBREAKS != *=* ]] || prefix=''
    while read -r word; do
        COMPREPLY+=("$prefix$word")
    done < <(compgen -W "$1" -- "$3")
    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

_statsd_files() {   # PREFIX TYPED
    local word prefix=$1
    [[ $COMP_WORDBREAKS != *=* ]] || prefix=''
    while read -r word; do
        COMPREPLY+=("$prefix$word")
    done < <(compgen -f -- "$2")
    compopt -o filenames 2>/dev/null
}

_statsd_set() {   # PREFIX TYPED: section.key=value
    case $2 in
    # told bash_settings
    server.log_level=*) _statsd_reply 'debug info warn error' "$1${2%%=*}=" "${2#*=}" ;;
    server.log_format=*) _statsd_reply 'logfmt json' "$1${2%%=*}=" "${2#*=}" ;;
    server.state_dir=* | server.control_socket=* | prometheus.mapping=* | http.web_config=* | capture.dir=* | redis.password_file=* | redis.sentinel_password_file=* | redis.tls_ca_file=* | redis.tls_cert_file=* | redis.tls_key_file=*) _statsd_files "$1${2%%=*}=" "${2#*=}" ;;
    server.sandbox=*) _statsd_reply 'off log on kill' "$1${2%%=*}=" "${2#*=}" ;;
    listen.spread=*) _statsd_reply 'auto source payload' "$1${2%%=*}=" "${2#*=}" ;;
    protocol.gauge_sign=*) _statsd_reply 'auto delta absolute' "$1${2%%=*}=" "${2#*=}" ;;
    protocol.name_tags=*) _statsd_reply 'librato influx signalfx graphite' "$1${2%%=*}=" "${2#*=}" ;;
    protocol.origin_tags=* | protocol.keep_internal_tags=* | protocol.log_rejected=* | prometheus.suffixes=* | prometheus.created=* | prometheus.service_checks=* | http.guard_metrics=* | http.access_log=* | http.lifecycle=* | http.show_lines=* | capture.start=* | redis.instance_label=*) _statsd_reply 'on off' "$1${2%%=*}=" "${2#*=}" ;;
    protocol.cpu=*) _statsd_reply 'auto avx512 avx2 sse2 portable neon' "$1${2%%=*}=" "${2#*=}" ;;
    prometheus.observer_type=*) _statsd_reply 'summary histogram' "$1${2%%=*}=" "${2#*=}" ;;
    mirror.by=*) _statsd_reply 'series datagram' "$1${2%%=*}=" "${2#*=}" ;;
    redis.gauge_merge=*) _statsd_reply 'latest sum min max avg' "$1${2%%=*}=" "${2#*=}" ;;
    # end
    *=*) ;;
    *) _statsd_reply "$_statsd_options" "$1" "$2" ;;
    esac
}

_statsd_value() {   # COMMAND,FLAG PREFIX TYPED
    case $1 in
    *,--set) _statsd_set "$2" "$3" ;;
    # told values
    ",-c" | ",--config") _statsd_files "$2" "$3" ;;
    "check,-c" | "check,--config") _statsd_files "$2" "$3" ;;
    "check,--test") _statsd_files "$2" "$3" ;;
    "explain,-c" | "explain,--config") _statsd_files "$2" "$3" ;;
    "explain,--framing") _statsd_reply 'datagram line dsd' "$2" "$3" ;;
    "convert,--mapping-out") _statsd_files "$2" "$3" ;;
    "redis get,-c" | "redis get,--config") _statsd_files "$2" "$3" ;;
    "redis range,-c" | "redis range,--config") _statsd_files "$2" "$3" ;;
    "redis top,-c" | "redis top,--config") _statsd_files "$2" "$3" ;;
    "redis top,--by") _statsd_reply 'rate total count sum' "$2" "$3" ;;
    "redis tail,-c" | "redis tail,--config") _statsd_files "$2" "$3" ;;
    "top,--ca") _statsd_files "$2" "$3" ;;
    "top,--by") _statsd_reply 'samples series tags sender' "$2" "$3" ;;
    "tail,--ca") _statsd_files "$2" "$3" ;;
    "ready,-c" | "ready,--config") _statsd_files "$2" "$3" ;;
    "ready,--ca") _statsd_files "$2" "$3" ;;
    "replay,--speed") _statsd_reply 'max' "$2" "$3" ;;
    "replay,--loop") _statsd_reply 'forever' "$2" "$3" ;;
    # end
    esac
}

_statsd() {
    local command='' flag='' arguments=0 rest='' flags='' current piece glue='' i
    local -a words=()
    for piece in "${COMP_WORDS[@]:0:COMP_CWORD + 1}"; do
        if [[ -n $glue || $piece =~ ^[=:]+$ ]]; then
            words[-1]+=$piece
            [[ $piece =~ ^[=:]+$ ]] && glue=yes || glue=''
        else
            words+=("$piece")
        fi
    done
    current=${words[-1]}
    COMPREPLY=()
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        if [[ -n $flag ]]; then
            flag=''
        elif [[ -z $rest && ${words[i]} == -- ]]; then
            rest=yes
        elif [[ -z $rest && ${words[i]} == -?* ]]; then
            [[ " $_statsd_valued " != *" ${words[i]} "* ]] || flag=${words[i]}
        elif [[ -z $command ]]; then
            command=${words[i]}
        elif [[ $command == redis ]]; then
            command="redis ${words[i]}"
        else
            arguments=$((arguments + 1))
        fi
    done
    if [[ -n $flag ]]; then
        _statsd_value "$command,$flag" '' "$current"
    elif [[ -z $rest && $current == --*=* ]]; then
        _statsd_value "$command,${current%%=*}" "${current%%=*}=" "${current#*=}"
    elif [[ -z $rest && $current == -* ]]; then
        case $command in
        # told flags
        '') flags='--config --set --takeover --help --version' ;;
        'check') flags='--config --set --test --help --version' ;;
        'explain') flags='--config --set --framing --truncated --json --help --version' ;;
        'describe') flags='--markdown --help --version' ;;
        'convert') flags='--mapping-out --help --version' ;;
        'redis get') flags='--config --set --json --help --version' ;;
        'redis range') flags='--config --set --last --from --to --step --json --help --version' ;;
        'redis top') flags='--config --set --last --from --to --by --number --json --help --version' ;;
        'redis tail') flags='--config --set --number --instance --json --help --version' ;;
        'top') flags='--from --ca --insecure --by --once --json --help --version' ;;
        'tail') flags='--from --ca --insecure --rate --number --json --help --version' ;;
        'ready') flags='--config --set --from --ca --insecure --help --version' ;;
        'replay') flags='--to --port --filter --speed --rate --loop --for --limit --keep-timestamps --truncated --outgoing --dry-run --json --help --version' ;;
        *) flags='--help' ;;
        # end
        esac
        _statsd_reply "$flags" '' "$current"
    else
        case $command,$arguments in
        # told arguments
        '',0) _statsd_reply 'check explain describe convert redis top tail ready replay' '' "$current" ;;
        redis,0) _statsd_reply 'get range top tail' '' "$current" ;;
        describe,0) _statsd_reply 'options metrics reasons syscalls commands flags server.interval server.workers server.instance server.log_level server.log_format server.drain_timeout server.state_dir server.state_interval server.control_socket server.user server.sandbox listen.socket listen.rcvbuf listen.spread listen.idle_timeout protocol.gauge_sign protocol.name_tags protocol.origin_tags protocol.keep_internal_tags protocol.log_rejected protocol.cpu limits.max_series limits.max_series_per_name limits.max_series_per_origin limits.origin_prefix_v4 limits.origin_prefix_v6 limits.max_samples_per_name limits.max_connections limits.max_connections_per_address limits.tls_handshakes_per_second limits.max_line limits.max_name limits.max_tags limits.max_tag_len aggregate.ttl aggregate.sketch_schema aggregate.quantiles aggregate.summary_max_age aggregate.summary_age_buckets aggregate.set_window aggregate.drop_tags aggregate.global_tags prometheus.mapping prometheus.suffixes prometheus.created prometheus.exemplar_tag prometheus.service_checks prometheus.observer_type prometheus.type_idle prometheus.buckets prometheus.native_histogram_factor prometheus.native_histogram_max_buckets http.listen http.allow http.web_config http.hosts http.guard_metrics http.access_log http.lifecycle http.max_connections http.max_per_ip http.sample http.show_lines http.max_streams http.max_streams_per_ip http.timeout mirror.to mirror.share mirror.by capture.dir capture.start capture.share capture.snaplen capture.max_bytes capture.max_file_bytes capture.max_files redis.url redis.password_file redis.sentinel_password_file redis.tls_ca_file redis.tls_cert_file redis.tls_key_file redis.prefix redis.retention redis.spool_max_bytes redis.spool_disk_max_bytes redis.spool_max_age redis.events_max redis.totals_ttl redis.gauge_merge redis.instance_label redis.instance_ttl redis.connect_timeout redis.reply_timeout' '' "$current" ;;
        convert,0) _statsd_reply 'statsd_exporter datadog brubeck etsy' '' "$current" ;;
        convert,* | replay,*) _statsd_files '' "$current" ;;
        # end
        esac
    fi
}

complete -F _statsd statsd
