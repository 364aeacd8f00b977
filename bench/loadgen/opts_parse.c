/*
 * The command line, one option after the other (parse_one): find its row in the table, read the
 * value by the row's kind and units, and store it in the member that the row names (set).  check()
 * then refuses options that do not go together.
 */
#include "opts.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "opts_table.h"

struct unit {
    const char *text;
    double factor;
};
/* clang-format off */
static const struct unit rate_units[] = { {"k", 1e3}, {"M", 1e6}, {"", 1}, {NULL, 0} };
static const struct unit size_units[] = {
    {"KiB", 1024}, {"MiB", 1048576}, {"B", 1}, {"", 1}, {NULL, 0},
};
static const struct unit time_units[] = {
    {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"", 1}, {NULL, 0},
};
static const struct unit part_units[] = { {"%", 0.01}, {"", 1}, {NULL, 0} };
static const struct unit no_units[] = { {"", 1}, {NULL, 0} };
/* clang-format on */

static const struct unit *units_of(enum opt_kind kind)
{
    return kind == OPT_RATE      ? rate_units
           : kind == OPT_SIZE    ? size_units
           : kind == OPT_SECONDS ? time_units
           : kind == OPT_PART    ? part_units
                                 : no_units;
}

/* What a value of a kind looks like. */
static const char *const looks[] = {
    [OPT_U32] = "a whole number",
    [OPT_U64] = "a whole number",
    [OPT_SIZE] = "a size like 1432, 8KiB or 4MiB",
    [OPT_RATE] = "a rate like 500, 10k, 2.5M or max",
    [OPT_SECONDS] = "a time like 500ms, 30s, 5m or 2h",
    [OPT_PART] = "a part like 0.1% or 0.001",
    [OPT_NUMBER] = "a number",
};

static bool read_quantity(const char *text, enum opt_kind kind, double *ret)
{
    struct slice s = slice_str(text);
    if (kind == OPT_RATE && slice_eq(s, SLICE_LIT("max"))) {
        *ret = INFINITY;
        return true;
    }
    for (const struct unit *u = units_of(kind); u->text != NULL; u++) {
        size_t n = strlen(u->text);
        double v;
        if (s.len <= n || memcmp(s.ptr + s.len - n, u->text, n) != 0 ||
            !number_parse(slice_of(s.ptr, s.len - n), &v))
            continue;
        *ret = v * u->factor;
        return true;
    }
    return false;
}

/* returns  0; -EINVAL: not such a value; -ERANGE: beyond least and most */
static int set(struct opts *o, const struct opt *t, const char *text)
{
    char *field = (char *)o + t->at;
    int64_t whole = 0;
    double v;
    assert(t->at < sizeof *o && t->least <= t->most);
    if (t->kind == OPT_TEXT || t->kind == OPT_MAYBE) {
        memcpy(field, &text, sizeof text);
        return 0;
    }
    if (t->kind == OPT_U64 || t->kind == OPT_U32) {
        if (!number_parse_int(slice_str(text), &whole))
            return -EINVAL;
        v = (double)whole;
    } else if (!read_quantity(text, t->kind, &v)) {
        return -EINVAL;
    }
    if (!(v >= t->least && v <= t->most) || (t->kind == OPT_U32 && v > UINT32_MAX))
        return -ERANGE;
    if (t->kind == OPT_U64) {
        uint64_t u = (uint64_t)whole;
        memcpy(field, &u, sizeof u);
    } else if (t->kind == OPT_U32 || t->kind == OPT_SIZE) {
        uint32_t u = (uint32_t)v;
        memcpy(field, &u, sizeof u);
    } else {
        memcpy(field, &v, sizeof v);
    }
    return 0;
}

static void set_usual(struct opts *o)
{
    *o = (struct opts){ 0 };
    const double unknown = NAN;
    for (size_t i = 0; i < opts_table_n; i++) {
        enum opt_kind k = opts_table[i].kind;
        if (opts_table[i].usual != NULL && k != OPT_MAYBE)
            set(o, &opts_table[i], opts_table[i].usual);
        else if (k == OPT_RATE || k == OPT_SECONDS || k == OPT_PART || k == OPT_NUMBER)
            memcpy((char *)o + opts_table[i].at, &unknown, sizeof unknown);
    }
}

static const struct opt *find(struct slice name)
{
    for (size_t i = 0; i < opts_table_n; i++)
        if (slice_eq(name, slice_str(opts_table[i].name)))
            return &opts_table[i];
    return NULL;
}

/* One argument, and the next where the value stands apart.   returns  arguments used, or -EINVAL */
static int parse_one(struct opts *o, char **argv, struct buf *error)
{
    struct slice name = slice_str(argv[0]), value;
    if (strcmp(argv[0], "-h") == 0)
        name = SLICE_LIT("--help");
    if (!slice_starts(name, SLICE_LIT("--"))) {
        buf_printf(error, "unexpected argument '%s'", argv[0]);
        return -EINVAL;
    }
    name = slice_of(name.ptr + 2, name.len - 2);
    value = name;
    bool joined = slice_cut(&value, '=', &name);
    const struct opt *t = find(name);
    if (t == NULL) {
        buf_printf(error, "unknown option '%s'", argv[0]);
        return -EINVAL;
    }
    if (t->kind == OPT_FLAG) {
        if (joined)
            buf_printf(error, "--%s takes no value", t->name);
        *((char *)o + t->at) = true;
        return joined ? -EINVAL : 1;
    }
    bool next = !joined && argv[1] != NULL && strncmp(argv[1], "--", 2) != 0;
    if (t->kind == OPT_MAYBE && !joined && !next)
        return set(o, t, t->usual) == 0 ? 1 : -EINVAL;
    const char *text = joined ? value.ptr : argv[1];
    if (text == NULL) {
        buf_printf(error, "--%s needs a value: %s", t->name, t->arg);
        return -EINVAL;
    }
    int rc = set(o, t, text);
    if (rc == -ERANGE && isinf(t->most))
        buf_printf(error, "--%s: '%s' is not %.10g or more", t->name, text, t->least);
    else if (rc == -ERANGE)
        buf_printf(error, "--%s: '%s' is not within %.10g .. %.10g", t->name, text, t->least,
                   t->most);
    else if (rc < 0)
        buf_printf(error, "--%s: '%s' is not %s", t->name, text, looks[t->kind]);
    return rc < 0 ? -EINVAL : joined ? 1 : 2;
}

static int check(const struct opts *o, struct buf *error)
{
    assert(o->shape != NULL && o->prefix != NULL && o->suffix != NULL); /* they have a default */
    bool needs_end = strcmp(o->shape, "ramp") == 0 || strcmp(o->shape, "steps") == 0 ||
                     strcmp(o->shape, "spike") == 0 || strcmp(o->shape, "sine") == 0;
    bool constant = strcmp(o->shape, "constant") == 0;
    if (needs_end && isnan(o->rate_to))
        buf_printf(error, "--shape %s needs --rate-to", o->shape);
    else if (isinf(o->rate) && (!constant || o->find_max))
        buf_printf(error, "--rate max goes with --shape constant only%s",
                   o->find_max ? ", and not with --find-max" : "");
    else if (o->find_max && !constant)
        buf_printf(error, "--find-max goes with --shape constant only");
    else if (isinf(o->rate_to) && needs_end)
        buf_printf(error, "--rate-to max is for --find-max only");
    else if (o->gso > 1 && o->payload == 0)
        buf_printf(error, "--gso needs datagrams of one size: give --payload");
    else if (o->gso > 1 && (uint64_t)o->gso * o->payload > 65507)
        buf_printf(error,
                   "--gso: %u datagrams of %u bytes are more than one message holds (65507): "
                   "--gso %u fits",
                   o->gso, o->payload, 65507 / o->payload > 0 ? 65507 / o->payload : 1);
    else if (strchr(o->prefix, '\n') != NULL || strchr(o->suffix, '\n') != NULL)
        buf_printf(error, "--%s: a line feed would end the line",
                   strchr(o->prefix, '\n') != NULL ? "prefix" : "suffix");
    else if (o->find_max && !(o->rate > 0))
        buf_printf(error, "--find-max starts at --rate, which must be above 0");
    else if (o->find_max && o->rate_to < o->rate)
        buf_printf(error, "--find-max: --rate-to is below --rate");
    else if (o->find_max && !isfinite(o->rate_to) && o->rate > OPTS_FIND_MAX_LIMIT)
        buf_printf(error, "--find-max: --rate is above %g, its limit without --rate-to",
                   OPTS_FIND_MAX_LIMIT);
    else if (o->framing != NULL && strcmp(o->framing, "line") != 0 &&
             strcmp(o->framing, "dsd") != 0)
        buf_printf(error, "--framing: '%s' is neither line nor dsd", o->framing);
    else if (o->find_max && (o->web != NULL || o->workers > 0 || o->listen_workers != NULL))
        buf_printf(error, "--find-max goes with none of --web, --workers and --listen-workers");
    else if (o->worker && (o->web != NULL || o->workers > 0 || o->listen_workers != NULL))
        buf_printf(error, "--worker: --web, --workers and --listen-workers are its --master's");
    else if (o->autostart && o->web == NULL)
        buf_printf(error, "--autostart goes with --web only");
    else if (o->connections > 0 && o->connections < o->threads)
        buf_printf(error, "--connections: fewer than --threads, each needs one of its own");
    return error->len > 0 ? -EINVAL : 0;
}

int opts_parse(int argc, char **argv, struct opts *ret, struct buf *error)
{
    struct opts o;
    set_usual(&o);
    for (int i = 1; i < argc;) {
        int used = parse_one(&o, argv + i, error);
        if (used < 0)
            return used;
        i += used;
    }
    if (!o.help && !o.version && check(&o, error) < 0)
        return -EINVAL;
    *ret = o;
    return 0;
}
