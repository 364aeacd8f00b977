# Completion of statsd for fish.  `make docs` fills what lies between "told" and "end", from what the binary says.

# The command that is being written: "redis top", "" for none yet.
function __statsd_command
    # told fish_valued
    set -l valued --by --ca --config --filter --for --framing --from --instance --last --limit --loop --mapping-out --number --port --rate --set --speed --step --test --to -c -n
    # end
    set -l words (commandline -opc)
    set -l command
    set -l skip no
    for word in $words[2..-1]
        if test $skip = yes
            set skip no
        else if string match -q -- '-*' $word
            contains -- $word $valued; and set skip yes
        else
            set -a command $word
        end
    end
    if test "$command[1]" = redis
        string join ' ' $command[1..2]
    else
        echo $command[1]
    end
end

function __statsd_is
    set -l command (__statsd_command)
    contains -- "$command" $argv
end

# section.key=value of --set
function __statsd_settings
    set -l typed (string replace -r -- '^--set=' '' (commandline -ct))
    set -l name (string split -m 1 = -- $typed)[1]
    switch $typed
    # told fish_settings
    case 'server.log_level=*'
        printf '%s\n' $name={debug,info,warn,error}
    case 'server.log_format=*'
        printf '%s\n' $name={logfmt,json}
    case 'server.state_dir=*' 'server.control_socket=*' 'prometheus.mapping=*' 'http.web_config=*' 'capture.dir=*' 'redis.password_file=*' 'redis.sentinel_password_file=*' 'redis.tls_ca_file=*' 'redis.tls_cert_file=*' 'redis.tls_key_file=*'
        printf '%s\n' $name=(__fish_complete_path (string split -m 1 = -- $typed)[2])
    case 'server.sandbox=*'
        printf '%s\n' $name={off,log,on,kill}
    case 'listen.spread=*'
        printf '%s\n' $name={auto,source,payload}
    case 'protocol.gauge_sign=*'
        printf '%s\n' $name={auto,delta,absolute}
    case 'protocol.name_tags=*'
        printf '%s\n' $name={librato,influx,signalfx,graphite}
    case 'protocol.origin_tags=*' 'protocol.keep_internal_tags=*' 'protocol.log_rejected=*' 'prometheus.suffixes=*' 'prometheus.created=*' 'prometheus.service_checks=*' 'http.guard_metrics=*' 'http.access_log=*' 'http.lifecycle=*' 'http.show_lines=*' 'capture.start=*' 'redis.instance_label=*'
        printf '%s\n' $name={on,off}
    case 'protocol.cpu=*'
        printf '%s\n' $name={auto,avx512,avx2,sse2,portable,neon}
    case 'prometheus.observer_type=*'
        printf '%s\n' $name={summary,histogram}
    case 'mirror.by=*'
        printf '%s\n' $name={series,datagram}
    case 'redis.gauge_merge=*'
        printf '%s\n' $name={latest,sum,min,max,avg}
    # end
    case '*=*'
    case '*'
        # told fish_options
        printf '%s\n' \
            server.interval=\t'How often an interval is closed and handed to the sinks' \
            server.workers=\t'Threads that receive and aggregate' \
            server.instance=\t'Who this server is among those that write to the same Redis' \
            server.log_level=\t'The lowest level that is logged' \
            server.log_format=\t'How a log line is written to standard output' \
            server.drain_timeout=\t'How long a stop waits for Redis to take what is queued' \
            server.state_dir=\t'A folder for what outlives the process' \
            server.state_interval=\t'How often gauges and sets are written to server.state_dir, for a start after ...' \
            server.control_socket=\t'A path where `statsd --takeover` reaches the server that runs, of the same ...' \
            server.user=\t'Who the process becomes once its sockets are open, for good' \
            server.sandbox=\t'Keep the process from files and system calls that it does not need' \
            listen.socket=\t'Where to receive' \
            listen.rcvbuf=\t'Receive buffer to ask the kernel for, for each socket of datagrams' \
            listen.spread=\t'How datagrams of a UDP socket are spread over the workers' \
            listen.idle_timeout=\t'A connection that has brought no byte for this long is closed' \
            protocol.gauge_sign=\t'What +5 and -5 mean for a gauge' \
            protocol.name_tags=\t'Styles of tags inside the metrics name that are understood' \
            protocol.origin_tags=\t'Make the container id that DogStatsD clients send the tag container_id' \
            protocol.keep_internal_tags=\t'Keep tags whose key starts with dd.internal' \
            protocol.log_rejected=\t'Log the first five refused lines of each reason a minute, cut at 200 bytes ...' \
            protocol.cpu=\t'Instructions that the parser uses' \
            limits.max_series=\t'Most series kept' \
            limits.max_series_per_name=\t'Most series of one metric name, so that a tag gone wild, such as a request ...' \
            limits.max_series_per_origin=\t'Most series of one origin' \
            limits.origin_prefix_v4=\t'Bits of an IPv4 address that make the network' \
            limits.origin_prefix_v6=\t'The same of an IPv6 address' \
            limits.max_samples_per_name=\t'Most samples of one metric name in a second' \
            limits.max_connections=\t'Most connections of a listener at a time' \
            limits.max_connections_per_address=\t'The same for one address of tcp:// clients, so that none of them keeps the ...' \
            limits.tls_handshakes_per_second=\t'Most TLS connections that a listener begins in a second' \
            limits.max_line=\t'Longest line in bytes' \
            limits.max_name=\t'Longest metric name in bytes' \
            limits.max_tags=\t'Most tags of one sample' \
            limits.max_tag_len=\t'Longest tag in bytes, key and value together' \
            aggregate.ttl=\t'A series without a sample for this long is forgotten' \
            aggregate.sketch_schema=\t'Resolution of timers' \
            aggregate.quantiles=\t'Quantiles of a timer, rising, separated by commas' \
            aggregate.summary_max_age=\t'Quantiles on /metrics cover the last summary_max_age' \
            aggregate.summary_age_buckets=\t'Steps in which that window moves on' \
            aggregate.set_window=\t'A set on /metrics shows how many distinct members came within this long, the ...' \
            aggregate.drop_tags=\t'Tags that are cut out of every line' \
            aggregate.global_tags=\t'Tags of every series' \
            prometheus.mapping=\t'A mapping file of statsd_exporter' \
            prometheus.suffixes=\t'Add _total to names of counters and _seconds to names of timings' \
            prometheus.created=\t'Show since when a counter or timer counts' \
            prometheus.exemplar_tag=\t'A tag, such as trace_id, that is cut out of every line and whose latest value ...' \
            prometheus.service_checks=\t'Show the last status of each DogStatsD service check and host in the gauge ...' \
            prometheus.observer_type=\t'What a timer is on /metrics' \
            prometheus.type_idle=\t'A metrics type is the first that came' \
            prometheus.buckets=\t'Upper bounds of a histograms buckets, rising, separated by commas' \
            prometheus.native_histogram_factor=\t'Histograms are native histograms, too, whose buckets grow by this factor at ...' \
            prometheus.native_histogram_max_buckets=\t'Most buckets of a native histogram' \
            http.listen=\t'Address and port of the HTTP server' \
            http.allow=\t'Networks from which HTTP clients may connect, such as 10.0.0.0/8,fd00::/8 or ...' \
            http.web_config=\t'A file with TLS, users and headers of the HTTP server, in the form of ...' \
            http.hosts=\t'Names by which browsers ask for the page and the API, with commas between ...' \
            http.guard_metrics=\t'Look at Host, Origin and Sec-Fetch-Site of requests for /metrics and ...' \
            http.access_log=\t'A line in the log for each request' \
            http.lifecycle=\t'Allow POST /-/quit, POST /-/reload and what changes something below /api/v1/ ...' \
            http.max_connections=\t'Most connections at a time' \
            http.max_per_ip=\t'Most connections of one address at a time' \
            http.sample=\t'How much of what arrives each worker sets aside a second, for /api/v1/top ...' \
            http.show_lines=\t'Show lines as they came on /api/v1/tail, and those that were refused on ...' \
            http.max_streams=\t'Most readers of live data at a time, all addresses together' \
            http.max_streams_per_ip=\t'Most readers of live data of one address at a time, and most tails of it' \
            http.timeout=\t'An idle connection is closed after this long' \
            mirror.to=\t'A server, such as a staging one, that gets a copy of what comes in' \
            mirror.share=\t'How much of it' \
            mirror.by=\t'What the share is of' \
            capture.dir=\t'A folder for captures' \
            capture.start=\t'Whether a capture begins when the server starts' \
            capture.share=\t'Which share of the datagrams is captured, evenly' \
            capture.snaplen=\t'How much of each packet is kept, its IP and UDP headers counted' \
            capture.max_bytes=\t'A capture ends when it has written this much' \
            capture.max_file_bytes=\t'The next file begins when one has this size' \
            capture.max_files=\t'Captures files in the folder' \
            redis.url=\t'redis://[user[:password]@]host[:port][/db], rediss:// the same over TLS ...' \
            redis.password_file=\t'File with the password of Redis as its one line, in place of one in redis.url' \
            redis.sentinel_password_file=\t'The same for Sentinels that want one' \
            redis.tls_ca_file=\t'With rediss://, PEM file of the CAs that sign the certificates of Redis' \
            redis.tls_cert_file=\t'With rediss://, PEM file of the certificate shown to a Redis that asks for one' \
            redis.tls_key_file=\t'PEM file of its key' \
            redis.prefix=\t'First part of every key' \
            redis.retention=\t'How long the keys of one interval live' \
            redis.spool_max_bytes=\t'Memory for intervals that wait while Redis is away' \
            redis.spool_disk_max_bytes=\t'Disk in server.state_dir for intervals that have no room in memory' \
            redis.spool_max_age=\t'Longest an interval waits for Redis before it is dropped and counted' \
            redis.events_max=\t'About how many entries each of the two streams of events and service checks ...' \
            redis.totals_ttl=\t'Totals of a series that no instance has sent for this long are removed' \
            redis.gauge_merge=\t'What a gauge of several instances is as a whole' \
            redis.instance_label=\t'Each instance keeps its own value of every gauge in Redis, whatever the rule ...' \
            redis.instance_ttl=\t'For how long after its last batch the gauges of an instance count' \
            redis.connect_timeout=\t'Longest a connection to Redis may take' \
            redis.reply_timeout=\t'Longest a reply of Redis may take before the connection is given up'
        # end
    end
end

complete -c statsd -f
# told fish_flags
complete -c statsd -n '__statsd_is ""' -a check -d 'check the config and its mapping file'
complete -c statsd -n '__statsd_is ""' -a explain -d 'how a datagram is understood, what /metrics would show of it and why ...'
complete -c statsd -n '__statsd_is ""' -a describe -d 'every option, every metric the server has of itself, every reason for which a ...'
complete -c statsd -n '__statsd_is ""' -a convert -d 'print the config that does what another servers does'
complete -c statsd -n '__statsd_is ""' -a redis -d 'what all servers have written to Redis'
complete -c statsd -n '__statsd_is ""' -a top -d 'what a server does now and what comes most, on the screen'
complete -c statsd -n '__statsd_is ""' -a tail -d 'lines as they arrive whose metrics name matches, such as api.*, at most N a ...'
complete -c statsd -n '__statsd_is ""' -a ready -d 'does the server receive? For health checks'
complete -c statsd -n '__statsd_is ""' -a replay -d 'send the datagrams of capture files at their own pace, or another one, to ...'
complete -c statsd -n '__statsd_is redis' -a get -d 'totals of all instances, read from redis.url'
complete -c statsd -n '__statsd_is redis' -a range -d 'the intervals that Redis keeps'
complete -c statsd -n '__statsd_is redis' -a top -d 'the busiest metrics of the last interval, or of that time'
complete -c statsd -n '__statsd_is redis' -a tail -d 'each interval as it closes, a line for each series'
complete -c statsd -n '__statsd_is describe' -a 'options metrics reasons syscalls commands flags server.interval server.workers server.instance server.log_level server.log_format server.drain_timeout server.state_dir server.state_interval server.control_socket server.user server.sandbox listen.socket listen.rcvbuf listen.spread listen.idle_timeout protocol.gauge_sign protocol.name_tags protocol.origin_tags protocol.keep_internal_tags protocol.log_rejected protocol.cpu limits.max_series limits.max_series_per_name limits.max_series_per_origin limits.origin_prefix_v4 limits.origin_prefix_v6 limits.max_samples_per_name limits.max_connections limits.max_connections_per_address limits.tls_handshakes_per_second limits.max_line limits.max_name limits.max_tags limits.max_tag_len aggregate.ttl aggregate.sketch_schema aggregate.quantiles aggregate.summary_max_age aggregate.summary_age_buckets aggregate.set_window aggregate.drop_tags aggregate.global_tags prometheus.mapping prometheus.suffixes prometheus.created prometheus.exemplar_tag prometheus.service_checks prometheus.observer_type prometheus.type_idle prometheus.buckets prometheus.native_histogram_factor prometheus.native_histogram_max_buckets http.listen http.allow http.web_config http.hosts http.guard_metrics http.access_log http.lifecycle http.max_connections http.max_per_ip http.sample http.show_lines http.max_streams http.max_streams_per_ip http.timeout mirror.to mirror.share mirror.by capture.dir capture.start capture.share capture.snaplen capture.max_bytes capture.max_file_bytes capture.max_files redis.url redis.password_file redis.sentinel_password_file redis.tls_ca_file redis.tls_cert_file redis.tls_key_file redis.prefix redis.retention redis.spool_max_bytes redis.spool_disk_max_bytes redis.spool_max_age redis.events_max redis.totals_ttl redis.gauge_merge redis.instance_label redis.instance_ttl redis.connect_timeout redis.reply_timeout'
complete -c statsd -n '__statsd_is convert' -a 'statsd_exporter datadog brubeck etsy'
complete -c statsd -n '__statsd_is convert replay' -F
complete -c statsd -n '__statsd_is "" "check" "explain" "redis get" "redis range" "redis top" "redis tail" "ready"' -s c -l config -r -F -d 'the config file'
complete -c statsd -n '__statsd_is "" "check" "explain" "redis get" "redis range" "redis top" "redis tail" "ready"' -l set -x -a '(__statsd_settings)' -d 'set one option'
complete -c statsd -n '__statsd_is ""' -l takeover -d 'take the place of the server that runs'
complete -c statsd -n '__statsd_is "check"' -l test -r -F -d 'run this test file of the mapping file'
complete -c statsd -n '__statsd_is "explain"' -l framing -x -a 'datagram line dsd' -d 'what comes'
complete -c statsd -n '__statsd_is "explain"' -l truncated -d 'the kernel has cut the datagram'
complete -c statsd -n '__statsd_is "describe"' -l markdown -d 'a table of Markdown'
complete -c statsd -n '__statsd_is "convert"' -l mapping-out -r -F -d 'where the mapping file goes, if one is needed'
complete -c statsd -n '__statsd_is "redis range" "redis top"' -l last -x -d 'what the last 30s, 10m or 2h hold'
complete -c statsd -n '__statsd_is "redis range" "redis top"' -l from -x -d 'from when on'
complete -c statsd -n '__statsd_is "redis range" "redis top"' -l to -x -d 'until when, in the same way'
complete -c statsd -n '__statsd_is "redis range"' -l step -x -d 'put intervals together, such as 1m'
complete -c statsd -n '__statsd_is "redis top"' -l by -x -a 'rate total count sum' -d 'what to go by'
complete -c statsd -n '__statsd_is "redis top"' -s n -l number -x -d 'how many metrics'
complete -c statsd -n '__statsd_is "redis tail"' -s n -l number -x -d 'end after so many intervals'
complete -c statsd -n '__statsd_is "redis tail"' -l instance -x -d 'wait for this server alone'
complete -c statsd -n '__statsd_is "top" "tail"' -l from -x -d 'the server'
complete -c statsd -n '__statsd_is "ready"' -l from -x -d 'the server'
complete -c statsd -n '__statsd_is "top" "tail" "ready"' -l ca -r -F -d 'of https://'
complete -c statsd -n '__statsd_is "top" "tail" "ready"' -l insecure -d 'of https://'
complete -c statsd -n '__statsd_is "top"' -l by -x -a 'samples series tags sender' -d 'what comes most of'
complete -c statsd -n '__statsd_is "top"' -l once -d 'print it once instead of using the screen'
complete -c statsd -n '__statsd_is "tail"' -l rate -x -d 'at most so many lines a second'
complete -c statsd -n '__statsd_is "tail"' -s n -l number -x -d 'end after so many lines'
complete -c statsd -n '__statsd_is "replay"' -l to -x -d 'udp://HOST:PORT, unixgram:///PATH, tcp://HOST:PORT or unix:///PATH'
complete -c statsd -n '__statsd_is "replay"' -l port -x -d 'take what went to this UDP port'
complete -c statsd -n '__statsd_is "replay"' -l filter -x -d 'take what this filter of tcpdump lets through, instead of a port'
complete -c statsd -n '__statsd_is "replay"' -l speed -x -a 'max' -d '0.1 to 1000 times the pace of the file, or as fast as it goes'
complete -c statsd -n '__statsd_is "replay"' -l rate -x -d 'N lines a second, whatever the times in the file'
complete -c statsd -n '__statsd_is "replay"' -l loop -x -a 'forever' -d 'how often'
complete -c statsd -n '__statsd_is "replay"' -l for -x -d 'end after that time, such as 30s'
complete -c statsd -n '__statsd_is "replay"' -l limit -x -d 'end after so many packets'
complete -c statsd -n '__statsd_is "replay"' -l keep-timestamps -d 'leave the T fields of lines'
complete -c statsd -n '__statsd_is "replay"' -l truncated -d 'send what there is of datagrams that were captured in part'
complete -c statsd -n '__statsd_is "replay"' -l outgoing -d 'take what left the machine, too'
complete -c statsd -n '__statsd_is "replay"' -l dry-run -d 'send nothing'
complete -c statsd -n '__statsd_is "explain" "redis get" "redis range" "redis top" "redis tail" "top" "tail" "replay"' -l json -d 'print JSON'
complete -c statsd -n '__statsd_is "" "check" "explain" "describe" "convert" "redis get" "redis range" "redis top" "redis tail" "top" "tail" "ready" "replay"' -s h -l help -d 'print help'
complete -c statsd -n '__statsd_is "" "check" "explain" "describe" "convert" "redis get" "redis range" "redis top" "redis tail" "top" "tail" "ready" "replay"' -s V -l version -d 'print the version and the commit'
# end
