/*
 * `statsd redis`: the command, its options, and which of its parts takes them.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/duration.h"
#include "base/now.h"
#include "base/number.h"
#include "cmd/cli_rows.h"
#include "cmd/redis/redis.h"
#include "config/escape.h"

static const struct part {
    const char *name;
    unsigned of; /* its rows in cmd/cli_rows.c */
    size_t patterns_least;
    int (*main)(struct session *s, const struct redis_args *a);
} parts[] = {
    { "get", OF_REDIS_GET, 1, redis_get },
    { "range", OF_REDIS_RANGE, 1, redis_range },
    { "top", OF_REDIS_TOP, 0, redis_top },
    { "tail", OF_REDIS_TAIL, 0, redis_tail },
};

static const struct part *part_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcmp(name, parts[i].name) == 0)
            return &parts[i];
    return NULL;
}

/* What was given and is not taken.  returns  its name; NULL: nothing */
static const char *not_taken(const struct cli_args *args, const struct part *p)
{
    const struct {
        const char *name, *given;
    } rows[] = {
        { "--last", args->last },         { "--from", args->from }, { "--to", args->to },
        { "--step", args->step },         { "--by", args->by },     { "-n", args->number },
        { "--instance", args->instance },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].given != NULL && !cli_takes(p->of, rows[i].name))
            return rows[i].name;
    return NULL;
}

/* ---- times ---- */

/* Whole seconds.  returns  false: it was said */
static bool read_seconds(const struct cli_io *io, const char *option, const char *text,
                         int64_t *ret)
{
    uint64_t ms;
    const char *wrong = duration_parse(slice_str(text), &ms);
    if (wrong == NULL && ms > 0 && ms % 1000 == 0 && ms / 1000 <= INT32_MAX) {
        *ret = (int64_t)(ms / 1000);
        return true;
    }
    cli_usage(io, "%s takes whole seconds, with a unit: 30s, 10m, 2h", option);
    return false;
}

/* Unix seconds, or 2026-11-26T21:05:00Z. */
static bool read_time(const struct cli_io *io, const char *option, const char *text, int64_t *ret)
{
    struct tm tm = { 0 };
    if (number_parse_int(slice_str(text), ret) && *ret < (int64_t)1 << 40)
        return true;
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end != NULL && *end == '\0') {
        *ret = (int64_t)timegm(&tm);
        return true;
    }
    cli_usage(io, "%s takes Unix seconds or 2026-11-26T21:05:00Z", option);
    return false;
}

static bool read_span(const struct cli_args *args, const struct cli_io *io, struct redis_args *a)
{
    int64_t now_s = now_wall_ms() / 1000, last = 600;
    a->has_span = args->last != NULL || args->from != NULL || args->to != NULL;
    if (args->last != NULL && (args->from != NULL || args->to != NULL)) {
        cli_usage(io, "either --last, or --from and --to");
        return false;
    }
    a->to_s = now_s + 1;
    if ((args->last != NULL && !read_seconds(io, "--last", args->last, &last)) ||
        (args->to != NULL && !read_time(io, "--to", args->to, &a->to_s)))
        return false;
    a->from_s = (args->to != NULL ? a->to_s : now_s) - last;
    if (args->from != NULL && !read_time(io, "--from", args->from, &a->from_s))
        return false;
    if (a->from_s >= a->to_s) {
        cli_usage(io, "--from is not before --to");
        return false;
    }
    return args->step == NULL || read_seconds(io, "--step", args->step, &a->step_s);
}

/* ---- the rest ---- */

static uint64_t shards_of(const struct redis_args *a)
{
    uint64_t shards = a->n_patterns == 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < a->n_patterns; i++)
        shards |= pattern_is_exact(&a->patterns[i])
                      ? (uint64_t)1 << redis_reader_shard(a->patterns[i].name)
                      : UINT64_MAX;
    return shards;
}

static bool read_patterns(const struct cli_args *args, const struct cli_io *io,
                          const struct part *p, struct redis_args *a)
{
    a->n_patterns = args->n_rest - 1;
    if (a->n_patterns < p->patterns_least || a->n_patterns > REDIS_PATTERNS_MAX) {
        cli_usage(io, "redis %s takes 1 to %d names or patterns: api.requests, 'api.*|#env:prod'",
                  p->name, (int)REDIS_PATTERNS_MAX);
        return false;
    }
    for (size_t i = 0; i < a->n_patterns; i++) {
        if (!pattern_parse(args->rest[i + 1], &a->patterns[i])) {
            cli_usage(io, "a pattern begins with a name: api.requests, '*|#env:prod'");
            return false;
        }
    }
    a->shards = shards_of(a);
    return true;
}

static bool read_args(const struct cli_args *args, const struct cli_io *io, const struct part *p,
                      struct redis_args *a)
{
    int64_t n = 0;
    *a = (struct redis_args){ .by = args->by, .instance = args->instance, .json = args->json };
    if (args->number != NULL &&
        (!number_parse_int(slice_str(args->number), &n) || n == 0 || n > 1000000)) {
        cli_usage(io, "-n takes a number from 1 to 1000000");
        return false;
    }
    a->n = (size_t)n;
    return read_patterns(args, io, p, a) && read_span(args, io, a);
}

static int usage(const struct cli_args *args, const struct cli_io *io)
{
    struct buf word = { 0 };
    escape_short(slice_str(args->n_rest > 0 ? args->rest[0] : ""), &word);
    if (word.len > 0)
        cli_usage(io, "redis takes get, range, top or tail, not %.*s", (int)word.len, word.ptr);
    else
        cli_usage(io, "redis takes get, range, top or tail");
    buf_release(&word);
    return CLI_USAGE;
}

int redis_write(struct session *s, const struct buf *out)
{
    if (s->odd > 0)
        fprintf(s->io->err, "statsd: warning: %zu values in redis are none of ours\n", s->odd);
    s->odd = 0;
    /* A pipe that nobody reads any more ends us, as it ends every command. */
    void (*const before)(int) = signal(SIGPIPE, SIG_DFL);
    bool written = cli_write(s->io->out, out);
    s->write_error = errno;
    (void)signal(SIGPIPE, before);
    return written ? CLI_OK : CLI_FAILED;
}

static int run(const struct part *p, const struct config *c, const struct redis_args *a,
               const struct cli_io *io)
{
    struct session s;
    if (c->redis_url[0] == '\0')
        return cli_usage(io, "redis.url is not set: name the config of the server by -c FILE, or "
                             "--set redis.url=redis://127.0.0.1");
    int rc = session_open(&s, c, io, p->main == redis_tail);
    if (rc != CLI_OK)
        return rc;
    rc = session_await(&s, a->shards) ? p->main(&s, a) : CLI_FAILED;
    session_close(&s);
    errno = s.write_error; /* cli_run tells why standard output failed */
    return rc;
}

int redis_main(const struct cli_args *args, const struct cli_io *io)
{
    const struct part *p = args->n_rest > 0 ? part_of(args->rest[0]) : NULL;
    struct redis_args a;
    struct config c;
    struct core_mapping mapping;
    if (p == NULL)
        return usage(args, io);
    const char *wrong = not_taken(args, p);
    if (wrong != NULL)
        return cli_usage(io, "redis %s does not take %s", p->name, wrong);
    if (!read_args(args, io, p, &a))
        return CLI_USAGE;
    int rc = cli_config(args, io, &c, &mapping);
    if (rc != CLI_OK)
        return rc;
    sketch_setup();
    rc = run(p, &c, &a, io);
    core_mapping_release(&mapping);
    config_release(&c);
    return rc;
}
