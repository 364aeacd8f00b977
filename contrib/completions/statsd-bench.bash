# Completion of statsd-bench for bash.  `make docs` fills what lies between "told" and "end", from what the binary says.
# shellcheck shell=bash

_statsd_bench() {
    local current=$2 before=$3 prefix='' words='' word
    COMPREPLY=()
    # `--shape=spike` is three words to bash, or one where COMP_WORDBREAKS has no '='.
    if [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $current == = ]]; then
        current=''
    elif [[ $current == --*=* ]]; then
        before=${current%%=*} prefix=${current%%=*}= current=${current#*=}
    fi
    case $before in
    # told bench_values
    --framing) words='line dsd' ;;
    --shape) words='constant ramp steps spike sine'; compopt -o default 2>/dev/null ;;
    --received-file | --token-file | --json | --csv | --html) compopt -o default 2>/dev/null ;;
    --to | --connections | --threads | --sockets | --batch | --gso | --send-buffer | --rate | --rate-to | --duration | --period | --steps | --series | --types | --tags | --tag-values | --values | --skew | --payload | --packed | --sample-rate | --set-members | --pool-lines | --prefix | --suffix | --seed | --metrics | --samples-metric | --scrape-interval | --pid | --trial | --resolution | --workers | --listen-workers | --expect-workers | --master | --max-loss | --max-cpu | --max-scrape-ms | --title) ;;
    # end
    *)
        # told bench_flags
        words='--to --framing --connections --threads --sockets --batch --gso --send-buffer --shape --rate --rate-to --duration --period --steps --datagram-rate --series --types --tags --tag-values --values --skew --payload --packed --sample-rate --set-members --pool-lines --prefix --suffix --seed --metrics --samples-metric --scrape-interval --pid --received-file --find-max --trial --resolution --web --autostart --workers --listen-workers --expect-workers --worker --master --token-file --max-loss --max-cpu --max-scrape-ms --json --csv --html --title --quiet --help --version'
        # end
        ;;
    esac
    while read -r word; do
        COMPREPLY+=("$prefix$word")
    done < <(compgen -W "$words" -- "$current")
}

complete -F _statsd_bench statsd-bench
