/**
 * `statsd --help`.
 */
#include "cmd/cli.h"
#include "cmd/wrap.h"

static const char first_line[] = "statsd: receives StatsD and DogStatsD metrics, aggregates them, "
                                 "serves them to Prometheus and Redis.";

/* clang-format off */
/* right: NULL: left is a heading; "": left is a command to copy, which is never broken. */
static const struct {
    const char *left, *right;
} rows[] = {
    { "Commands", NULL },
    { "statsd [OPTIONS]", "run in the foreground; logs go to standard output" },
    { "statsd [OPTIONS] --takeover",
      "the same, in place of the server that runs: its sockets and all it holds are taken over, "
      "and nothing is lost (server.control_socket)" },
    { "statsd check [OPTIONS]",
      "check the config and its mapping file; print where each value comes from, warnings, limits "
      "and the memory bound; opens no port" },
    { "statsd check [OPTIONS] --test FILE",
      "run the test file of a mapping file: lines that are sent, and what /metrics has to show" },
    { "statsd explain [OPTIONS] [--json] [--framing datagram|line|dsd] [--truncated] [LINE...]",
      "how a datagram is understood, what /metrics would show of it and why something is "
      "missing; without LINE, standard input is one raw datagram (or a stream, by --framing)" },
    { "statsd describe options|metrics|reasons|syscalls|NAME [--markdown]",
      "every option, every metric the server has of itself, every reason for which a line is "
      "refused; or what NAME is, such as server.interval" },
    { "statsd convert statsd_exporter|datadog|brubeck|etsy [--mapping-out FILE] FILE... | -- FLAGS",
      "print the config that does what another server's does: a file that holds the command line "
      "of statsd_exporter (or its flags behind --), datadog.yaml, brubeck's JSON, etsy's "
      "config.js; - is standard input" },
    { "statsd redis get [OPTIONS] [--json] NAME...",
      "totals of all instances, read from redis.url: NAME is api.requests, 'api.*' or "
      "'api.*|#env:prod'" },
    { "statsd redis range [OPTIONS] [--json] [--last 10m | --from TIME --to TIME] [--step 1m] "
      "NAME...",
      "the intervals that Redis keeps: values, rates and quantiles of each, and of all of them" },
    { "statsd redis top [OPTIONS] [--json] [--by rate|total|count|sum] [--last 1m] [-n 20] "
      "[NAME...]",
      "the busiest metrics of the last interval, or of --last" },
    { "statsd redis tail [OPTIONS] [--json] [--instance NAME] [-n INTERVALS] [NAME...]",
      "each interval as it closes, a line for each series; Ctrl-C ends it" },
    { "statsd top [--from URL] [--by samples|series|tags|sender] [--once] [--json]",
      "what a server does now and what comes most, on the screen; --once prints it" },
    { "statsd tail [--from URL] [--json] [--rate N] [-n LINES] [PATTERN]",
      "lines as they arrive whose metric's name matches, such as 'api.*', at most N a second "
      "(50); what is skipped is said. Ctrl-C ends it" },
    { "statsd ready [OPTIONS] [--from URL]",
      "does the server receive? For health checks: 0 and \"statsd is ready\", else 1 and why, "
      "within 3 s; without --from and STATSD_URL at the http.listen that -c, the environment and "
      "--set give" },
    { "statsd replay [--to ADDRESS] [--speed N|max] [--loop N|forever] FILE...",
      "send the datagrams of capture files (tcpdump, Wireshark, or the server's own) at their own "
      "pace, or another one, to udp://127.0.0.1:8125 or ADDRESS; - is standard input" },
    { "statsd --version | -V | --help | -h", "" },
    { "Options", NULL },
    { "-c FILE, --config FILE", "the config file (INI; statsd.conf.example has every key)" },
    { "--set SECTION.KEY=VALUE",
      "set one option; may repeat. A flag goes before the environment (STATSD_SECTION_KEY), "
      "that before the file" },
    { "--from URL [--ca FILE] [--insecure]",
      "of top, tail and ready: the server, else STATSD_URL, else http://127.0.0.1:9102; https:// "
      "with the CAs in FILE, or any certificate. A user and a password: in the URL or in "
      "~/.netrc" },
    { "--", "what follows is not an option" },
    { "Options of replay", NULL },
    { "--to ADDRESS",
      "udp://HOST:PORT, unixgram:///PATH, tcp://HOST:PORT or unix:///PATH (?framing=dsd for frames "
      "with a length)" },
    { "--port N, --filter EXPRESSION",
      "what is taken of the file: UDP to 8125, or to N, or what a filter of tcpdump lets through" },
    { "--speed N|max, --rate N",
      "0.1 to 1000 times the pace of the file, or as fast as it goes; or N lines a second" },
    { "--loop N|forever, --for TIME, --limit N",
      "how often, how long, how many packets at most" },
    { "--keep-timestamps", "leave the T fields of lines; else they move to now" },
    { "--truncated", "send what there is of datagrams that were captured in part" },
    { "--outgoing", "take what left the machine, too (captures of -i any)" },
    { "--dry-run", "send nothing: count" },
    { "--json", "the sums as JSON" },
    { "Where it listens unless told otherwise", NULL },
    { "udp://127.0.0.1:8125",
      "metrics. Others: --set listen.socket=udp://0.0.0.0:8125 (every address), "
      "unixgram:///run/statsd.sock" },
    { "http://127.0.0.1:9102",
      "/metrics and the paths below. Another: --set http.listen=0.0.0.0:9102" },
    { "HTTP", NULL },
    { "GET /metrics", "the page that Prometheus scrapes" },
    { "GET /api/v1/events, /api/v1/checks", "the last events and service checks (docs/api.md)" },
    { "GET /", "links" },
    { "GET /-/healthy, /-/ready", "200 while it runs; 200 while it receives, else 503" },
    { "POST /-/reload, /-/quit", "as HUP and TERM, where http.lifecycle is on" },
    { "Signals", NULL },
    { "TERM, INT", "stop: read what has arrived, hand it to Redis for up to server.drain_timeout" },
    { "HUP", "read the config again; the log says what has to wait for the next start" },
    { "USR1", "log a summary" },
    { "Example", NULL },
    { "statsd &", "" },
    { "echo 'orders:3|c|#region:eu' >/dev/udp/127.0.0.1/8125", "" },
    { "curl -s http://127.0.0.1:9102/metrics | grep orders", "" },
    { "Exit status", NULL },
    { "0", "ok" },
    { "1", "failed at run time; explain: a line has an error; check --test: a case failed" },
    { "2", "usage or config error" },
};
/* clang-format on */

enum {
    LEFT = 27,   /* columns of the left side */
    NARROW = 60, /* on a terminal narrower than this the right side stands below the left one */
    USUAL = 80,  /* columns where there is no terminal */
    WIDE = 100   /* longer lines are hard to read */
};

static void put_row(const char *left, const char *right, size_t columns, struct buf *out)
{
    size_t indent = columns < NARROW ? 6 : LEFT, at = 2 + strlen(left);
    bool is_command_to_copy = *right == '\0';
    buf_append_str(out, "  ");
    wrap(slice_str(left), 2, 8, is_command_to_copy ? 0 : columns, out);
    if (!is_command_to_copy) { /* behind left, or on the next line where left is too long */
        if (at + 2 > indent) {
            buf_append_char(out, '\n');
            at = 0;
        }
        wrap_blanks(indent - at, out);
        wrap(slice_str(right), indent, indent, columns, out);
    }
    buf_append_char(out, '\n');
}

void cli_help(unsigned columns, struct buf *out)
{
    size_t width = columns == 0 ? USUAL : columns < WIDE ? columns : WIDE;
    wrap(slice_str(first_line), 0, 2, width, out);
    buf_append_char(out, '\n');
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].right == NULL)
            buf_printf(out, "\n%s\n", rows[i].left);
        else
            put_row(rows[i].left, rows[i].right, width, out);
    }
}
