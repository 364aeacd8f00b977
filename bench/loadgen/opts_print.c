/* --help, and the values of the options for a report. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "opts.h"
#include "opts_table.h"

/* clang-format off */
static const char groups[][2][32] = {
    {"to", "Where to"}, {"shape", "How much"}, {"series", "What"},
    {"metrics", "The server under load"},
    {"find-max", "Search"},
    {"web", "Steering"}, {"max-loss", "Bounds (exit status 1)"}, {"json", "Reports"},
};
/* clang-format on */

void opts_help(FILE *out, struct slice load)
{
    fputs("usage: statsd-bench [OPTION...]\n\n"
          "Send a repeatable StatsD load and report what became of it.  "
          "Point it at your own servers only: it sends as much\n"
          "as it is told to.\n",
          out);
    fprintf(out, "\nThe load without options:\n  %.*s", (int)load.len, load.ptr);
    for (size_t i = 0, g = 0; i < opts_table_n; i++) {
        if (g < ARRAY_LEN(groups) && strcmp(opts_table[i].name, groups[g][0]) == 0)
            fprintf(out, "\n%s\n", groups[g++][1]);
        char left[40];
        bool maybe = opts_table[i].kind == OPT_MAYBE;
        snprintf(left, sizeof left, "--%s%s%s%s", opts_table[i].name,
                 opts_table[i].arg ? (maybe ? " [" : " ") : "",
                 opts_table[i].arg ? opts_table[i].arg : "", maybe ? "]" : "");
        fprintf(out, "  %-22s %s", left, opts_table[i].help);
        if (opts_table[i].usual != NULL && *opts_table[i].usual != '\0')
            fprintf(out, " [%s]", opts_table[i].usual);
        fputc('\n', out);
    }
    fputs("\nExamples\n"
          "  statsd-bench --rate 100k --duration 30s --metrics http://127.0.0.1:9102/metrics "
          "--html report.html\n"
          "  statsd-bench --shape sine --rate 1k --rate-to 200k --period 20s --duration 2m "
          "--pid $(pidof statsd)\n"
          "  statsd-bench --shape day.csv --series 100000 --skew 1 --csv rows.csv\n"
          "  statsd-bench --find-max --rate 50k --max-loss 0.1% --payload 0 "
          "--metrics http://127.0.0.1:9102/metrics\n"
          "  statsd-bench --to unixgram:///run/statsd/dsd.sock --types ms,h,d --packed 10 "
          "--rate max --duration 5s\n"
          "  statsd-bench --to unix:///run/statsd/stream.sock --framing dsd --connections 100 "
          "--rate 200k\n"
          "  statsd-bench --web --workers 2 --metrics http://127.0.0.1:9102/metrics\n"
          "\nExit status: 0 ok, 1 a bound was broken, nobody took the load or the run failed, "
          "2 usage.\n",
          out);
}

static void print_value(const struct opts *o, const struct opt *t, char *out, size_t room)
{
    const char *field = (const char *)o + t->at, *text;
    uint64_t u64;
    uint32_t u32;
    double v;
    switch (t->kind) {
    case OPT_TEXT:
    case OPT_MAYBE:
        memcpy(&text, field, sizeof text);
        snprintf(out, room, "%s", text ? text : "");
        return;
    case OPT_U64:
        memcpy(&u64, field, sizeof u64);
        snprintf(out, room, "%" PRIu64, u64);
        return;
    case OPT_U32:
    case OPT_SIZE:
        memcpy(&u32, field, sizeof u32);
        snprintf(out, room, "%" PRIu32, u32);
        return;
    case OPT_FLAG:
        snprintf(out, room, "%s", *field ? "yes" : "no");
        return;
    case OPT_RATE:
    case OPT_SECONDS:
    case OPT_PART:
    case OPT_NUMBER:
        memcpy(&v, field, sizeof v);
        if (isfinite(v))
            snprintf(out, room, "%.10g", v);
        else
            snprintf(out, room, "%s", isnan(v) ? "" : "max");
        return;
    }
}

void opts_each(const struct opts *o, void (*fn)(void *cookie, const char *name, const char *value),
               void *cookie)
{
    /* Addresses, pids and file names say nothing about the load. */
    static const char *const left_out[] = { "to",
                                            "metrics",
                                            "samples-metric",
                                            "pid",
                                            "received-file",
                                            "json",
                                            "csv",
                                            "html",
                                            "title",
                                            "quiet",
                                            "help",
                                            "version",
                                            "web",
                                            "autostart",
                                            "workers",
                                            "listen-workers",
                                            "expect-workers",
                                            "worker",
                                            "master",
                                            "token-file" };
    for (size_t i = 0; i < opts_table_n; i++) {
        bool skip = false;
        for (size_t k = 0; k < ARRAY_LEN(left_out); k++)
            skip = skip || strcmp(opts_table[i].name, left_out[k]) == 0;
        char value[4096];
        print_value(o, &opts_table[i], value, sizeof value);
        if (!skip && *value != '\0')
            fn(cookie, opts_table[i].name, value);
    }
}
