complete -c statsd-bench -l help
