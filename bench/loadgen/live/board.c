#include "board.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"

const char *const board_state_name[] = {
#define X(state) #state,
    BOARD_STATES(X)
#undef X
};

/* What may be changed on the page. */
static const char *const settings[] = {
    "rate", "rate-to",    "shape",  "duration", "period",  "steps",  "series",      "types",
    "tags", "tag-values", "values", "skew",     "payload", "packed", "sample-rate",
};

static bool is_setting(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (strcmp(settings[i], name) == 0)
            return true;
    return false;
}

static bool put_setting(struct args *args, const char *name, json_t *value, struct buf *error)
{
    char number[32];
    const char *text = json_string_value(value);
    if (json_is_number(value)) {
        snprintf(number, sizeof number, "%.10g", json_number_value(value));
        text = number;
    }
    if (!is_setting(name))
        buf_printf(error, "%.64s is not a setting that can be changed here", name);
    else if (text == NULL || strlen(text) > 256)
        buf_printf(error, "%s: a number or a short text is needed", name);
    else
        args_set(args, name, text);
    return error->len == 0;
}

/* The plan in force: those before it are kept while a run may go by them. */
static void take_plan(struct board *b, struct plan *plan)
{
    if (b->plan != NULL) {
        b->used = mem_grow(b->used, &b->cap_used, b->n_used + 1, sizeof *b->used);
        b->used[b->n_used++] = b->plan;
    }
    payload_release(&plan->setup.payload); /* the workers have their own */
    b->plan = plan;
}

/* What a report says was asked for: not what is asked for after its run. */
static void set_load(struct board *b)
{
    b->ran = b->plan;
    b->load = b->plan->opts;
    b->load.metrics = b->opts->metrics;
    b->load.title = b->opts->title;
    b->load.max_loss = b->opts->max_loss;
    b->load.max_cpu = b->opts->max_cpu;
    b->load.max_scrape_ms = b->opts->max_scrape_ms;
}

static void drop_used(struct board *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n_used; i++)
        if (b->used[i] == b->ran)
            b->used[kept++] = b->used[i];
        else
            plan_free(b->used[i]);
    b->n_used = kept;
}

bool board_change(struct board *b, json_t *wanted, struct buf *error)
{
    struct args args;
    const char *name;
    json_t *value;
    args_copy(&args, &b->plan->args);
    json_object_foreach(wanted, name, value)
        if (!put_setting(&args, name, value, error)) {
            args_release(&args);
            return false;
        }
    struct plan *plan = plan_new(&args, false, error);
    if (plan == NULL)
        return false;
    take_plan(b, plan);
    if (b->fleet->sending) {
        set_load(b);
        fleet_change(b->fleet, &plan->args, &plan->setup.run.sender);
    } else {
        fleet_plan(b->fleet, &plan->args);
    }
    if (b->state == BOARD_ready)
        drop_used(b);
    return true;
}

void board_workers(const struct fleet *f, struct report *r, struct report_worker room[FLEET_MAX])
{
    r->workers = room;
    r->n_workers = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].state != FLEET_joining)
            room[r->n_workers++] = (struct report_worker){
                .name = f->at[i].name,
                .lost = f->at[i].state == FLEET_lost,
                .why = f->at[i].why,
                .sent = f->at[i].sent,
            };
}

struct report *board_report(struct board *b)
{
    if (b->result.n == 0)
        return NULL;
    if (b->state != BOARD_ready) {
        const struct run_row *last = &b->result.rows[b->result.n - 1];
        b->result.sent = last->sent;
        b->result.server = last->server;
        b->result.elapsed_s = last->at_s;
        b->result.wished = last->wished;
        b->result.backlog_s = b->result.settle_s = b->result.rss_peak_bytes = NAN;
    }
    board_workers(b->fleet, &b->report, b->workers);
    (void)report_judge(&b->report);
    return &b->report;
}

static bool on_wait(void *board, double seconds)
{
    struct board *b = board;
    fleet_step(b->fleet, seconds);
    bool stop = status_wait(b->status, 0) || b->stop;
    if (stop && b->state == BOARD_running)
        b->state = BOARD_stopping;
    return stop;
}

static void on_row(void *board, const struct run_row *now, const struct run_row *before)
{
    struct board *b = board;
    b->result.rows =
        mem_grow(b->result.rows, &b->cap_rows, b->result.n + 1, sizeof *b->result.rows);
    b->result.rows[b->result.n++] = *now;
    if (b->http != NULL)
        http_tick(b->http, now_mono_ns());
    status_row(b->status, now, before);
}

void board_reset(struct board *b)
{
    run_release(&b->result);
    b->cap_rows = 0;
    b->error[0] = '\0';
}

static void begin_report(struct board *b)
{
    time_t now = time(NULL);
    struct tm tm;
    set_load(b);
    b->report = (struct report){ .opts = &b->load, .run = &b->result };
    (void)strftime(b->report.started, sizeof b->report.started, "%Y-%m-%dT%H:%M:%SZ",
                   gmtime_r(&now, &tm));
}

static void run_once(struct board *b)
{
    const struct load load = { &load_fleet, b->fleet };
    struct run_opts o = *b->watched;
    struct run_result result;
    o.sender = b->plan->setup.run.sender;
    o.load = &load;
    o.wait = on_wait;
    o.on_row = on_row;
    o.cookie = b;
    b->start = b->stop = false;
    board_reset(b);
    b->run++;
    begin_report(b);
    b->state = BOARD_running;
    fleet_plan(b->fleet, &b->plan->args);
    int rc = run_load(&o, &result);
    if (rc == 0) {
        run_release(&b->result);
        b->result = result;
    } else if (result.scrape_error < 0) {
        snprintf(b->error, sizeof b->error, "--metrics %.160s does not answer: %s",
                 b->opts->metrics, err_text(rc));
    } else {
        snprintf(b->error, sizeof b->error, "%s",
                 rc == -ENOTCONN ? "there is no worker to send it" : err_text(rc));
    }
    b->state = BOARD_ready;
    b->stop = false;
    drop_used(b);
}

static bool enough_workers(const struct board *b)
{
    unsigned wanted = b->opts->listen_workers != NULL ? b->opts->expect_workers : 0;
    return fleet_ready(b->fleet) >= wanted + b->opts->workers;
}

static void serve(struct board *b)
{
    b->start = b->opts->autostart;
    for (;;) {
        fleet_step(b->fleet, 0.2);
        http_tick(b->http, now_mono_ns());
        if (status_wait(b->status, 0))
            return;
        if (!b->start || (b->opts->autostart && !enough_workers(b)))
            continue;
        run_once(b);
        if (b->opts->autostart || b->status->stop)
            return;
    }
}

int board_run(struct board *b, struct report **ret_report, struct buf *error)
{
    struct args args;
    args_of(b->opts, &args);
    struct plan *plan = plan_new(&args, true, error);
    if (plan == NULL)
        return -EINVAL;
    take_plan(b, plan);
    set_load(b);
    /* From here on, signals wait for us, also those to threads that begin now. */
    (void)status_wait(b->status, 0);
    int rc = board_http_start(b, error);
    if (rc < 0)
        return rc;
    serve(b);
    board_http_stop(b);
    if (b->error[0] != '\0')
        buf_append_str(error, b->error);
    *ret_report = board_report(b);
    return b->error[0] != '\0' ? -EIO : 0;
}

void board_free(struct board *b)
{
    b->ran = NULL;
    drop_used(b);
    free(b->used);
    plan_free(b->plan);
    run_release(&b->result);
}
