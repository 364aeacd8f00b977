/**
 * `statsd --help`, and `statsd COMMAND --help`.
 */
#include "cmd/cli.h"
#include "cmd/cli_rows.h"
#include "cmd/wrap.h"

static const char first_line[] = "statsd: receives StatsD and DogStatsD metrics, aggregates them, "
                                 "serves them to Prometheus and Redis.";

/* clang-format off */
/* right: NULL: left is a heading; "": left is a command to copy, which is never broken. */
static const struct {
    const char *left, *right;
} rows[] = {
    { "Where it listens unless told otherwise", NULL },
    { "udp://127.0.0.1:8125",
      "metrics. Others: --set listen.socket=udp://0.0.0.0:8125 (every address), "
      "unixgram:///run/statsd.sock" },
    { "http://127.0.0.1:9102",
      "/metrics and the paths below. Another: --set http.listen=0.0.0.0:9102" },
    { "HTTP", NULL },
    { "GET /metrics", "the page that Prometheus scrapes" },
    { "GET /api/v1/events, /api/v1/checks", "the last events and service checks (docs/api.md)" },
    { "GET /", "what arrives and what becomes of it, live, for a browser (docs/web.md)" },
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

static void put_commands(unsigned of, size_t columns, struct buf *out)
{
    const struct cli_command_row *row;
    for (size_t i = 0; (row = cli_command_row(i)) != NULL; i++) {
        if ((row->of & of) != 0)
            put_row(row->usage, row->meaning, columns, out);
    }
}

static void put_flags(unsigned of, size_t columns, struct buf *out)
{
    const struct cli_flag_row *row;
    for (size_t i = 0; (row = cli_flag_row(i)) != NULL; i++) {
        const char *blank = row->value[0] != '\0' ? " " : "";
        struct buf left = { 0 };
        if ((row->of & of) == 0)
            continue;
        if (row->letter[0] != '\0')
            buf_printf(&left, "%s%s%s, ", row->letter, blank, row->value);
        buf_printf(&left, "%s%s%s", row->name, blank, row->value);
        buf_append_char(&left, '\0');
        put_row(left.ptr, row->meaning, columns, out);
        buf_release(&left);
    }
    put_row("--", "what follows is not an option", columns, out);
}

void cli_help(unsigned of, unsigned columns, struct buf *out)
{
    size_t width = columns == 0 ? USUAL : columns < WIDE ? columns : WIDE;
    if (of == 0) {
        wrap(slice_str(first_line), 0, 2, width, out);
        buf_append_str(out, "\n\nCommands\n");
    }
    put_commands(of == 0 ? OF_ALL : of, width, out);
    if (of == 0)
        put_row("statsd COMMAND --help", "what that command takes", width, out);
    buf_append_str(out, "\nOptions\n");
    put_flags(of == 0 ? OF_SERVER : of, width, out);
    for (size_t i = 0; of == 0 && i < ARRAY_LEN(rows); i++) {
        if (rows[i].right == NULL)
            buf_printf(out, "\n%s\n", rows[i].left);
        else
            put_row(rows[i].left, rows[i].right, width, out);
    }
}
