complete -o default statsd-bench
