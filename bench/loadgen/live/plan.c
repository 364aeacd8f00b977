#include "plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void push(struct args *a, char *arg)
{
    a->v = mem_grow(a->v, &a->cap, (size_t)a->n + 2, sizeof *a->v);
    a->v[a->n++] = arg;
    a->v[a->n] = NULL;
}

static void remove_arg(struct args *a, int i)
{
    free(a->v[i]);
    memmove(&a->v[i], &a->v[i + 1], (size_t)(a->n - i) * sizeof *a->v);
    a->n--;
}

void args_set(struct args *a, const char *name, const char *value)
{
    struct buf arg = { 0 };
    buf_printf(&arg, "--%s=", name);
    for (int i = a->n - 1; i > 0; i--)
        if (strncmp(a->v[i], arg.ptr, arg.len) == 0)
            remove_arg(a, i);
    buf_append_str(&arg, value);
    if (*value != '\0')
        push(a, mem_strndup(arg.ptr, arg.len));
    buf_release(&arg);
}

static void take_setting(void *cookie, const char *name, const char *value)
{
    /* How it is searched, watched and judged is not the load. */
    static const char *const others[] = { "find-max", "trial",   "resolution",    "scrape-interval",
                                          "max-loss", "max-cpu", "max-scrape-ms", "title" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (strcmp(name, others[i]) == 0)
            return;
    if (strcmp(name, "datagram-rate") != 0)
        args_set(cookie, name, value);
    else if (strcmp(value, "yes") == 0)
        push(cookie, mem_strdup("--datagram-rate"));
}

void args_of(const struct opts *o, struct args *ret)
{
    *ret = (struct args){ 0 };
    push(ret, mem_strdup("statsd-bench"));
    args_set(ret, "to", o->to);
    opts_each(o, take_setting, ret);
}

void args_copy(struct args *to, const struct args *from)
{
    *to = (struct args){ 0 };
    for (int i = 0; i < from->n; i++)
        push(to, mem_strdup(from->v[i]));
}

bool args_equal(const struct args *a, const struct args *b)
{
    bool same = a->n == b->n;
    for (int i = 0; same && i < a->n; i++)
        same = strcmp(a->v[i], b->v[i]) == 0;
    return same;
}

json_t *args_json(const struct args *a)
{
    json_t *list = json_array();
    for (int i = 0; i < a->n; i++)
        json_array_append_new(list, json_string(a->v[i]));
    return list;
}

bool args_read(const json_t *list, struct args *ret)
{
    *ret = (struct args){ 0 };
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *arg = json_string_value(json_array_get(list, i));
        if (arg == NULL) {
            args_release(ret);
            return false;
        }
        push(ret, mem_strdup(arg));
    }
    return ret->n > 0;
}

void args_release(struct args *a)
{
    for (int i = 0; i < a->n; i++)
        free(a->v[i]);
    free(a->v);
    *a = (struct args){ 0 };
}

static bool is_named(const char *shape)
{
    struct shape made = { 0 };
    const struct shape_spec spec = { .rate = 1, .rate_to = 1, .duration_s = 1, .steps = 2 };
    bool named = shape_init(&made, shape, &spec) == 0;
    shape_release(&made);
    return named;
}

/* May somebody else ask for it: is no file read, and what is kept for each line bounded?  The bytes
 * of the lines are known when they are built. */
static bool is_harmless(const struct opts *o, struct buf *error)
{
    if (!is_named(o->shape))
        buf_printf(error, "--shape %s is neither constant, ramp, steps, spike nor sine", o->shape);
    else if (o->series > PLAN_LINES_MAX)
        buf_printf(error, "--series: at most %d from here", PLAN_LINES_MAX);
    else if (o->pool_lines > PLAN_LINES_MAX)
        buf_printf(error, "--pool-lines: at most %d from here", PLAN_LINES_MAX);
    return error->len == 0;
}

/* What is another's to say is not done here. */
static void keep_to_load(struct opts *o)
{
    o->json = o->csv = o->html = o->metrics = o->received_file = NULL;
    o->web = o->listen_workers = o->token_file = NULL;
    o->pid = o->workers = 0;
    o->find_max = o->worker = false;
}

struct plan *plan_new(struct args *args, bool own, struct buf *error)
{
    struct plan *p = mem_zalloc(sizeof *p);
    p->args = *args;
    *args = (struct args){ 0 };
    bool ok = opts_parse(p->args.n, p->args.v, &p->opts, error) == 0;
    if (ok && (p->opts.help || p->opts.version)) {
        buf_append_str(error, "--help and --version are no load");
        ok = false;
    }
    ok = ok && (own || is_harmless(&p->opts, error));
    if (ok) {
        keep_to_load(&p->opts);
        ok = setup_init(&p->setup, &p->opts, own ? 0 : PLAN_BYTES_MAX);
        buf_append_slice(error, buf_slice(&p->setup.error));
    }
    if (ok)
        return p;
    plan_free(p);
    return NULL;
}

void plan_free(struct plan *p)
{
    if (p == NULL)
        return;
    setup_release(&p->setup);
    args_release(&p->args);
    free(p);
}
