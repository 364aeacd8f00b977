complete -c statsd -n __fish_use_subcommand -a 'check explain describe convert redis top tail replay'
