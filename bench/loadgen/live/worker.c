#include "worker.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/now.h"
#include "count.h"
#include "load.h"
#include "plan.h"

enum { ICMP_MS = 20 }; /* as in run.c */

struct worker {
    struct wire *wire;
    bool own;
    struct plan *plan;
    void *load; /* NULL: nothing is being sent */
    json_int_t epoch;
    struct tally_totals before; /* of the stretches before, since the last fresh start */
    bool nobody;                /* of the latest that has ended */
    double lasted_s;
    struct buf error;
};

static void totals_now(const struct worker *w, struct tally_totals *ret)
{
    *ret = w->before;
    if (w->load != NULL) {
        struct tally_totals now;
        load_local.totals(w->load, &now);
        count_add(ret, &now);
    }
    ret->nobody = w->nobody;
}

static int report(struct worker *w)
{
    struct tally_totals sent;
    json_t *o = json_object();
    totals_now(w, &sent);
    json_object_set_new(o, "epoch", json_integer(w->epoch));
    json_object_set_new(o, "ended", json_boolean(w->load == NULL));
    json_object_set_new(o, "lasted_s", json_real(w->lasted_s));
    json_object_set_new(o, "sent", count_json(&sent));
    json_object_set_new(o, "error",
                        w->error.len > 0 ? json_stringn_nocheck(w->error.ptr, w->error.len)
                                         : json_null());
    return wire_put(w->wire, o);
}

/* The stretch is over, or is to be: its sums are final afterwards. */
static void finish(struct worker *w)
{
    if (w->load == NULL)
        return;
    load_local.stop(w->load);
    w->lasted_s = load_local.join(w->load);
    if (!w->plan->setup.target.kind->stream) {
        struct timespec t = { .tv_nsec = ICMP_MS * 1000000L };
        nanosleep(&t, NULL);
    }
    load_local.settle(w->load);
    struct tally_totals sum;
    load_local.totals(w->load, &sum);
    w->nobody = sum.nobody;
    sum.nobody = false;
    count_add(&w->before, &sum);
    load_local.end(w->load);
    w->load = NULL;
}

/* The same load with another share needs no other payload. */
static bool take_plan(struct worker *w, const json_t *o)
{
    struct args args;
    struct plan *next;
    if (!args_read(json_object_get(o, "args"), &args)) {
        buf_append_str(&w->error, "args is no list of words");
        return false;
    }
    if (w->plan != NULL && args_equal(&args, &w->plan->args)) {
        args_release(&args);
        return true;
    }
    next = plan_new(&args, w->own, &w->error);
    if (next == NULL)
        return false;
    finish(w);
    plan_free(w->plan);
    w->plan = next;
    return true;
}

static void prepare(struct worker *w, const json_t *o)
{
    buf_clear(&w->error);
    w->epoch = json_integer_value(json_object_get(o, "prepare"));
    (void)take_plan(w, o);
}

static void start(struct worker *w, const json_t *o)
{
    uint64_t heard_ns = now_mono_ns();
    buf_clear(&w->error);
    w->epoch = json_integer_value(json_object_get(o, "start"));
    bool made = take_plan(w, o);
    finish(w);
    if (json_is_true(json_object_get(o, "fresh")))
        w->before = (struct tally_totals){ 0 };
    if (!made)
        return;
    /* Of a stream: those that are open now, not of all stretches. */
    w->before.connections = 0;
    struct sender_opts opts = w->plan->setup.run.sender;
    double share = json_number_value(json_object_get(o, "share"));
    /* Making the plan took its time, in which the others went on. */
    double late_s = (double)(now_mono_ns() - heard_ns) * 1e-9;
    double from_s = json_number_value(json_object_get(o, "from_s")) + late_s;
    opts.share = share > 0 && share <= 1 ? share : 1;
    opts.from_s = fmax(from_s, 0);
    /* Made shorter than it has lasted: it is over. */
    if (opts.from_s >= opts.duration_s)
        return;
    if (opts.connections > 0) {
        unsigned mine = (unsigned)(opts.connections * opts.share + 0.5);
        opts.connections = mine > opts.threads ? mine : opts.threads;
    }
    int rc = load_local.start(NULL, &opts, &w->plan->setup.payload, &w->load);
    if (rc < 0) {
        w->load = NULL;
        buf_printf(&w->error, "cannot send to %s: %s", w->plan->setup.target.text, err_text(rc));
    }
}

/* returns  0; -errno: the master is gone, or speaks another language */
static int obey(struct worker *w)
{
    json_t *o;
    int rc = wire_fill(w->wire);
    while (rc == 0 && (rc = wire_next(w->wire, &o)) == 0 && o != NULL) {
        if (json_is_integer(json_object_get(o, "start")))
            start(w, o);
        else if (json_is_integer(json_object_get(o, "prepare")))
            prepare(w, o);
        else if (json_is_integer(json_object_get(o, "stop")))
            finish(w);
        json_decref(o);
        rc = report(w);
    }
    return rc;
}

int worker_run(struct wire *wire, bool own)
{
    struct worker w = { .wire = wire, .own = own };
    uint64_t next_ms = now_mono_ms();
    int rc = 0;
    while (rc == 0) {
        uint64_t now_ms = now_mono_ms();
        struct pollfd p = { .fd = wire->fd, .events = POLLIN };
        if (poll(&p, 1, next_ms > now_ms ? (int)(next_ms - now_ms) : 0) > 0)
            rc = obey(&w);
        if (rc == 0 && now_mono_ms() >= next_ms) {
            if (w.load != NULL && !load_local.running(w.load))
                finish(&w);
            rc = report(&w);
            next_ms = now_mono_ms() + WORKER_REPORT_MS;
        }
    }
    finish(&w);
    plan_free(w.plan);
    buf_release(&w.error);
    wire_close(wire);
    return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}
