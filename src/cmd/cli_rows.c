#include "cmd/cli_rows.h"

#include <string.h>

#include "base/buf.h"

/* clang-format off */
static const struct cli_command_row commands[] = {
    { OF_SERVER, "statsd", "statsd [OPTIONS]",
      "run in the foreground; logs go to standard output" },
    { OF_SERVER, "statsd", "statsd [OPTIONS] --takeover",
      "the same, in place of the server that runs: its sockets and all it holds are taken over, "
      "and nothing is lost (server.control_socket)" },
    { OF_CHECK, "check", "statsd check [OPTIONS]",
      "check the config and its mapping file; print where each value comes from, warnings, limits "
      "and the memory bound; opens no port" },
    { OF_CHECK, "check", "statsd check [OPTIONS] --test FILE",
      "run the test file of a mapping file: lines that are sent, and what /metrics has to show" },
    { OF_EXPLAIN, "explain",
      "statsd explain [OPTIONS] [--json] [--framing datagram|line|dsd] [--truncated] [LINE...]",
      "how a datagram is understood, what /metrics would show of it and why something is "
      "missing; without LINE, standard input is one raw datagram (or a stream, by --framing)" },
    { OF_DESCRIBE, "describe",
      "statsd describe options|metrics|reasons|syscalls|commands|flags [--markdown]",
      "every option, every metric the server has of itself, every reason for which a line is "
      "refused, every system call that it makes, every command, every flag" },
    { OF_DESCRIBE, "describe", "statsd describe NAME [--markdown]",
      "the entry of that name in any of these tables, such as server.interval" },
    { OF_CONVERT, "convert",
      "statsd convert statsd_exporter|datadog|brubeck|etsy [--mapping-out FILE] FILE... | -- FLAGS",
      "print the config that does what another server's does: a file that holds the command line "
      "of statsd_exporter (or its flags behind --), datadog.yaml, brubeck's JSON, etsy's "
      "config.js; - is standard input" },
    { OF_REDIS_GET, "redis get", "statsd redis get [OPTIONS] [--json] NAME...",
      "totals of all instances, read from redis.url: NAME is api.requests, 'api.*' or "
      "'api.*|#env:prod'" },
    { OF_REDIS_RANGE, "redis range",
      "statsd redis range [OPTIONS] [--json] [--last 10m | --from TIME --to TIME] [--step 1m] "
      "NAME...",
      "the intervals that Redis keeps: values, rates and quantiles of each, and of all of them" },
    { OF_REDIS_TOP, "redis top",
      "statsd redis top [OPTIONS] [--json] [--by rate|total|count|sum] "
      "[--last 1m | --from TIME --to TIME] [-n 20] [NAME...]",
      "the busiest metrics of the last interval, or of that time" },
    { OF_REDIS_TAIL, "redis tail",
      "statsd redis tail [OPTIONS] [--json] [--instance NAME] [-n INTERVALS] [NAME...]",
      "each interval as it closes, a line for each series; Ctrl-C ends it" },
    { OF_TOP, "top",
      "statsd top [--from URL] [--by samples|series|tags|sender] [--once] [--json]",
      "what a server does now and what comes most, on the screen; --once prints it" },
    { OF_TAIL, "tail", "statsd tail [--from URL] [--json] [--rate N] [-n LINES] [PATTERN]",
      "lines as they arrive whose metric's name matches, such as 'api.*', at most N a second "
      "(50); what is skipped is said. Ctrl-C ends it" },
    { OF_READY, "ready", "statsd ready [OPTIONS] [--from URL]",
      "does the server receive? For health checks: 0 and \"statsd is ready\", else 1 and why, "
      "within 3 s" },
    { OF_REPLAY, "replay",
      "statsd replay [--to ADDRESS] [--speed N|max] [--loop N|forever] FILE...",
      "send the datagrams of capture files (tcpdump, Wireshark, or the server's own) at their own "
      "pace, or another one, to udp://127.0.0.1:8125 or ADDRESS; - is standard input" },
};

static const struct cli_flag_row flags[] = {
    { OF_CONFIG, "-c", "--config", "FILE",
      "the config file (statsd.conf(5); statsd.conf.example has every key); without it none is "
      "read" },
    { OF_CONFIG, "", "--set", "SECTION.KEY=VALUE",
      "set one option; may repeat. A flag goes before the environment (STATSD_SECTION_KEY), "
      "that before the file" },
    { OF_SERVER, "", "--takeover", "",
      "take the place of the server that runs (server.control_socket)" },
    { OF_CHECK, "", "--test", "FILE", "run this test file of the mapping file" },
    { OF_EXPLAIN, "", "--framing", "datagram|line|dsd",
      "what comes: one datagram, or on standard input a stream of lines, or of datagrams with "
      "their length before each" },
    { OF_EXPLAIN, "", "--truncated", "",
      "the kernel has cut the datagram: its last line is not whole" },
    { OF_DESCRIBE, "", "--markdown", "", "a table of Markdown" },
    { OF_CONVERT, "", "--mapping-out", "FILE",
      "where the mapping file goes, if one is needed: a FILE that is not there yet" },
    { OF_REDIS_RANGE | OF_REDIS_TOP, "", "--last", "TIME", "what the last 30s, 10m or 2h hold" },
    { OF_REDIS_RANGE | OF_REDIS_TOP, "", "--from", "TIME",
      "from when on: Unix seconds or 2026-11-26T21:05:00Z" },
    { OF_REDIS_RANGE | OF_REDIS_TOP, "", "--to", "TIME", "until when, in the same way; else now" },
    { OF_REDIS_RANGE, "", "--step", "TIME", "put intervals together, such as 1m" },
    { OF_REDIS_TOP, "", "--by", "rate|total|count|sum", "what to go by, else rate" },
    { OF_REDIS_TOP, "-n", "--number", "N", "how many metrics, else 20" },
    { OF_REDIS_TAIL, "-n", "--number", "INTERVALS", "end after so many intervals" },
    { OF_REDIS_TAIL, "", "--instance", "NAME", "wait for this server alone (server.instance)" },
    { OF_TOP | OF_TAIL, "", "--from", "URL",
      "the server, else STATSD_URL, else http://127.0.0.1:9102. A user and a password: in the URL "
      "or in ~/.netrc" },
    { OF_READY, "", "--from", "URL",
      "the server, else STATSD_URL, else the http.listen that -c, the environment and --set give" },
    { OF_TOP | OF_TAIL | OF_READY, "", "--ca", "FILE", "of https://: the CAs that are trusted" },
    { OF_TOP | OF_TAIL | OF_READY, "", "--insecure", "", "of https://: take any certificate" },
    { OF_TOP, "", "--by", "samples|series|tags|sender", "what comes most of, else samples" },
    { OF_TOP, "", "--once", "", "print it once instead of using the screen" },
    { OF_TAIL, "", "--rate", "N", "at most so many lines a second, else 50" },
    { OF_TAIL, "-n", "--number", "LINES", "end after so many lines" },
    { OF_REPLAY, "", "--to", "ADDRESS",
      "udp://HOST:PORT, unixgram:///PATH, tcp://HOST:PORT or unix:///PATH (?framing=dsd for frames "
      "with a length); else udp://127.0.0.1:8125" },
    { OF_REPLAY, "", "--port", "N", "take what went to this UDP port, else 8125" },
    { OF_REPLAY, "", "--filter", "EXPRESSION",
      "take what this filter of tcpdump lets through, instead of a port" },
    { OF_REPLAY, "", "--speed", "N|max",
      "0.1 to 1000 times the pace of the file, or as fast as it goes" },
    { OF_REPLAY, "", "--rate", "N", "N lines a second, whatever the times in the file" },
    { OF_REPLAY, "", "--loop", "N|forever", "how often, else once" },
    { OF_REPLAY, "", "--for", "TIME", "end after that time, such as 30s" },
    { OF_REPLAY, "", "--limit", "N", "end after so many packets" },
    { OF_REPLAY, "", "--keep-timestamps", "",
      "leave the T fields of lines; else they move to now" },
    { OF_REPLAY, "", "--truncated", "",
      "send what there is of datagrams that were captured in part" },
    { OF_REPLAY, "", "--outgoing", "", "take what left the machine, too (captures of -i any)" },
    { OF_REPLAY, "", "--dry-run", "", "send nothing: count" },
    { OF_EXPLAIN | OF_REDIS | OF_TOP | OF_TAIL | OF_REPLAY, "", "--json", "", "print JSON" },
    { OF_ALL, "-h", "--help", "", "print help; behind a command, of that command" },
    { OF_ALL, "-V", "--version", "", "print the version and the commit" },
};
/* clang-format on */

const struct cli_command_row *cli_command_row(size_t i)
{
    return i < ARRAY_LEN(commands) ? &commands[i] : NULL;
}

const struct cli_flag_row *cli_flag_row(size_t i)
{
    return i < ARRAY_LEN(flags) ? &flags[i] : NULL;
}

void cli_takers(const struct cli_flag_row *flag, struct buf *out)
{
    unsigned done = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if ((commands[i].of & flag->of & ~done) == 0)
            continue;
        buf_printf(out, "%s%s", done != 0 ? ", " : "", commands[i].name);
        done |= commands[i].of;
    }
}

bool cli_takes(unsigned of, const char *flag)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        bool is_named = strcmp(flag, flags[i].name) == 0 || strcmp(flag, flags[i].letter) == 0;
        if (is_named && (flags[i].of & of) != 0)
            return true;
    }
    return false;
}
