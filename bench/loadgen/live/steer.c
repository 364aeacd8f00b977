#include "steer.h"

#include <errno.h>
#include <stdio.h>

#include "plan.h"
#include "worker.h"

struct steered {
    struct fleet *fleet;
    struct status *status;
};

int steer_worker(const struct opts *o, struct buf *error)
{
    struct token token;
    struct wire wire;
    int rc = token_read(o->token_file, &token, error);
    if (rc < 0)
        return rc;
    if (token.text[0] == '\0' && !token_is_optional(o->master)) {
        buf_printf(error, "--master %s is another host: a --token-file is needed", o->master);
        return -EINVAL;
    }
    rc = join_master(o->master, &token, &wire, error);
    if (rc < 0)
        return rc;
    if (!o->quiet)
        fprintf(stderr, "statsd-bench: a worker of %s\n", o->master);
    rc = worker_run(&wire, false);
    if (rc < 0)
        buf_printf(error, "--master %s: it says what is not understood", o->master);
    return rc;
}

bool steer_asked(const struct opts *o)
{
    return o->web != NULL || o->workers > 0 || o->listen_workers != NULL;
}

int steer_begin(struct fleet *f, const struct opts *o, struct buf *error)
{
    struct fleet_opts opts = { .local = o->workers, .listen = o->listen_workers };
    if (o->web != NULL && o->listen_workers == NULL && opts.local == 0)
        opts.local = 1;
    *f = (struct fleet){ .listen_fd = -1, .wake_fd = -1 };
    int rc = token_read(o->token_file, &opts.token, error);
    return rc < 0 ? rc : fleet_init(f, &opts, error);
}

static bool on_wait(void *steered, double seconds)
{
    struct steered *s = steered;
    fleet_step(s->fleet, seconds);
    return status_wait(s->status, 0);
}

static void on_row(void *steered, const struct run_row *now, const struct run_row *before)
{
    status_row(((struct steered *)steered)->status, now, before);
}

int steer_load(struct fleet *f, const struct opts *o, const struct run_opts *run,
               struct status *status, struct run_result *ret)
{
    const struct load load = { &load_fleet, f };
    struct steered steered = { f, status };
    struct run_opts with = *run;
    struct args args;
    unsigned wanted = o->workers + (o->listen_workers != NULL ? o->expect_workers : 0);
    *ret = (struct run_result){ 0 };
    if (fleet_ready(f) < wanted && !o->quiet)
        fprintf(stderr, "statsd-bench: waiting for %u workers at %s\n", wanted - fleet_ready(f),
                o->listen_workers != NULL ? o->listen_workers : "this host");
    while (fleet_ready(f) < wanted)
        if (on_wait(&steered, 0.1))
            return -EINTR;
    args_of(o, &args);
    fleet_plan(f, &args);
    args_release(&args);
    with.load = &load;
    with.wait = on_wait;
    with.on_row = on_row;
    with.cookie = &steered;
    return run_load(&with, ret);
}
