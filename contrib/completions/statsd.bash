complete -W 'check explain describe convert redis top tail replay' -o default statsd
