/*
 * ask_turn           somebody waits: on_due
 *   on_due             the page at hand is of this interval, or begin
 *     begin            a new registry, a reader, a filling; on_check ends it when Redis is away
 *     on_filled        it has ended: on_over, once out of the reader's calls
 *       show           .. whole: what is shown from now on
 *       refuse         .. or not: 503
 *
 * do_asked           what control asks for: stop, cut, end
 */
#include "app/cluster_page.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "app/cluster_fill.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "core/core_opts.h"
#include "expose/render.h"
#include "expose/scrape.h"
#include "sinks/redis_reader.h"

enum {
    CHECK_MS = 100,
    AWAY_MS = 2500, /* without a connection, of a filling */
    LATE_MS = 30000,
    BEHIND_MS = 120000 /* what instances send again has come by then, if at all */
};

/* A mapping that registries use. */
struct rules {
    struct core_mapping mapping;
    unsigned users;
};

/* A registry, and what it stands on. */
struct shown {
    struct shown *next;
    struct registry *registry;
    struct rules *rules;
};

enum asked { ASKED_STOP = 1, ASKED_CUT = 2, ASKED_END = 4 };

struct cluster_page {
    const struct config *config;
    uv_loop_t loop;
    uv_thread_t thread;
    bool runs;
    uv_async_t asked;
    struct scrape *scrape;
    struct expose_stats expose;

    /* Between control and the page's thread. */
    pthread_mutex_t lock;
    struct core_mapping fresh; /* to be put in force; profiles NULL: none */
    unsigned what;             /* bits of enum asked */
    bool idle, stopped;
    struct cluster_stats stats;

    /* The page's thread alone. */
    uv_timer_t due, check, ended;
    struct rules *rules;
    struct shown *all, *filling; /* filling is not in all */
    struct redis_reader *reader;
    struct registry_filling *to;
    struct cluster_fill *fill;
    struct cluster_memory memory;
    enum cluster_result result;
    struct buf error;
    uint64_t turn, begun_ns, shown_ns, behind_ns; /* shown_ns: when it was begun; 0: none is */
    int64_t begun_wall_ms, away_wall_ms;          /* away: since when; 0: it is not */
    bool due_soon, failing;
    struct cluster_stats own; /* what the page itself shows */
};

/* ---- registries ---- */

static void rules_leave(struct rules *r)
{
    if (--r->users > 0)
        return;
    core_mapping_release(&r->mapping);
    free(r);
}

static struct rules *rules_new(struct core_mapping *m)
{
    struct rules *r = mem_zalloc(sizeof *r);
    r->mapping = *m;
    r->users = 1;
    *m = (struct core_mapping){ 0 };
    return r;
}

static void shown_free(struct shown *s)
{
    if (s == NULL)
        return;
    registry_free(s->registry);
    rules_leave(s->rules);
    free(s);
}

static struct shown *shown_new(struct cluster_page *p)
{
    struct shown *s = mem_zalloc(sizeof *s);
    s->rules = p->rules;
    s->rules->users++;
    struct registry_opts o = core_registry_opts(p->config, &p->rules->mapping, NULL);
    o.births = o.keep_intervals = false;
    o.exemplar_tag = NULL;
    s->registry = registry_new(&o);
    return s;
}

/* For scrape_opts.left. */
static void on_left(void *page, struct registry *r)
{
    struct cluster_page *p = page;
    struct shown **at = &p->all;
    while ((*at)->registry != r)
        at = &(*at)->next;
    struct shown *s = *at;
    *at = s->next;
    shown_free(s);
}

/* ---- what control sees ---- */

static void tell(struct cluster_page *p)
{
    pthread_mutex_lock(&p->lock);
    p->stats = p->own;
    p->idle = scrape_idle(p->scrape);
    pthread_mutex_unlock(&p->lock);
}

static void take_fresh(struct cluster_page *p)
{
    struct core_mapping fresh;
    pthread_mutex_lock(&p->lock);
    fresh = p->fresh;
    p->fresh = (struct core_mapping){ 0 };
    pthread_mutex_unlock(&p->lock);
    if (fresh.profiles == NULL)
        return;
    rules_leave(p->rules);
    p->rules = rules_new(&fresh);
    p->shown_ns = 0;
}

/* ---- a filling ---- */

static bool has_summaries(const struct core_mapping *m)
{
    for (unsigned i = 0; i < m->n_profiles; i++)
        if (!profiles_at(m->profiles, (uint8_t)i)->histogram)
            return true;
    return false;
}

static void on_over(uv_timer_t *timer);

static void on_filled(void *page, enum cluster_result result, const char *error)
{
    struct cluster_page *p = page;
    p->result = result;
    buf_clear(&p->error);
    buf_append_str(&p->error, error == NULL ? "" : error);
    buf_append_char(&p->error, '\0');
    uv_timer_stop(&p->check);
    uv_timer_start(&p->ended, on_over, 0, 0);
}

static void on_check(uv_timer_t *timer)
{
    struct cluster_page *p = timer->data;
    const uint64_t ms = (now_mono_ns() - p->begun_ns) / 1000000;
    const bool ready = redis_reader_is_ready(p->reader);
    const char *trouble = redis_reader_trouble(p->reader);
    if (ready)
        p->away_wall_ms = 0;
    else if (p->away_wall_ms == 0)
        p->away_wall_ms = now_wall_ms();
    const int64_t away_ms = ready ? 0 : now_wall_ms() - p->away_wall_ms;
    if (away_ms >= AWAY_MS || (!ready && ms >= AWAY_MS))
        on_filled(p, CLUSTER_RESULT_AWAY, trouble != NULL ? trouble : "no answer");
    else if (ms >= LATE_MS)
        on_filled(p, CLUSTER_RESULT_LATE, "Redis takes too long");
}

/* returns  false: logged at the start, where the same URL is read */
static bool open_reader(struct cluster_page *p)
{
    const struct config *c = p->config;
    const struct redis_reader_opts o = { .url = c->redis_url,
                                         .prefix = c->redis_prefix,
                                         .name = "cluster-metrics",
                                         .request_timeout_ms = LATE_MS };
    return p->reader != NULL || redis_reader_new(&p->loop, &o, &p->reader) == 0;
}

static void begin(struct cluster_page *p)
{
    assert(p->fill == NULL && p->filling == NULL);
    take_fresh(p);
    p->begun_ns = now_mono_ns();
    p->begun_wall_ms = now_wall_ms();
    if (p->all != NULL && p->all->next != NULL)
        scrape_cut_earlier(p->scrape);
    p->filling = shown_new(p);
    if (!open_reader(p)) {
        on_filled(p, CLUSTER_RESULT_REFUSED, "redis.url");
        return;
    }
    const struct profile *whole = profiles_at(p->rules->mapping.profiles, 0);
    p->memory.window_ns = (uint64_t)whole->summary_max_age_ms * 1000000;
    cluster_memory_begin(&p->memory, p->begun_ns);
    p->to = registry_fill(p->filling->registry, p->config->limits_max_series, p->begun_ns);
    const struct cluster_fill_opts o = {
        .reader = p->reader,
        .totals = { .to = p->to,
                    .memory = &p->memory,
                    .now_ms = p->begun_wall_ms,
                    .instance_label = false,
                    .summaries = has_summaries(&p->rules->mapping) },
        .interval_ms = (int64_t)p->config->server_interval_ms,
        .set_window_ms = (int64_t)p->config->aggregate_set_window_ms,
        .done = on_filled,
        .cookie = p,
    };
    p->fill = cluster_fill_new(&o);
    uv_timer_start(&p->check, on_check, CHECK_MS, CHECK_MS);
}

/* ---- its end ---- */

static void log_edge(struct cluster_page *p, const char *text)
{
    const bool failing = text != NULL;
    if (failing && !p->failing)
        LOG(LOG_WARN, "no cluster metrics", F_STR("reason", cluster_result_word(p->result)),
            F_STR("error", text), F_STR("remedy", "see the log of the redis sink"));
    else if (!failing && p->failing)
        LOG(LOG_INFO, "cluster metrics are there again", F_U64("series", p->own.series));
    p->failing = failing;
}

static void show(struct cluster_page *p)
{
    struct shown *s = p->filling;
    cluster_fill_stats(p->fill, &p->own);
    p->own.series = registry_filled_series(s->registry);
    p->own.fill_time = (double)p->begun_wall_ms / 1000;
    p->behind_ns = 0;
    p->shown_ns = p->begun_ns;
    p->filling = NULL;
    s->next = p->all;
    p->all = s;
    log_edge(p, NULL);
    scrape_show(p->scrape, s->registry);
    scrape_turned(p->scrape, p->turn);
}

static void refuse(struct cluster_page *p)
{
    struct buf text = { 0 };
    char since[32] = "";
    struct tm tm;
    const time_t away_s = (time_t)(p->away_wall_ms / 1000);
    if (p->result == CLUSTER_RESULT_AWAY && gmtime_r(&away_s, &tm) != NULL)
        (void)strftime(since, sizeof since, " since %Y-%m-%dT%H:%M:%SZ", &tm);
    buf_printf(&text, "no cluster metrics: Redis is %s%s: %s", cluster_result_word(p->result),
               since, p->error.ptr);
    buf_append_char(&text, '\0');
    log_edge(p, p->error.ptr);
    scrape_refused(p->scrape, p->turn, text.ptr);
    buf_release(&text);
}

/* Once the time is over in which they come again, lost writes stay lost. */
static bool is_given_up(struct cluster_page *p)
{
    p->behind_ns = p->behind_ns == 0 ? p->begun_ns : p->behind_ns;
    return p->begun_ns - p->behind_ns > BEHIND_MS * 1000000ull;
}

static void on_over(uv_timer_t *timer)
{
    struct cluster_page *p = timer->data;
    bool whole = p->result == CLUSTER_RESULT_OK;
    whole = whole || (p->result == CLUSTER_RESULT_BEHIND && is_given_up(p));
    p->own.fillings[p->result]++;
    p->own.fill_seconds = (double)(now_mono_ns() - p->begun_ns) / 1e9;
    cluster_memory_end(&p->memory, whole);
    registry_filled(p->to);
    p->to = NULL;
    if (whole) {
        show(p);
    } else {
        /* Its requests end with it, and another one begins with new connections. */
        redis_reader_free(p->reader);
        p->reader = NULL;
        refuse(p);
    }
    cluster_fill_free(p->fill);
    p->fill = NULL;
    shown_free(p->filling);
    p->filling = NULL;
    tell(p);
}

/* ---- who asks ---- */

static void on_due(uv_timer_t *timer)
{
    struct cluster_page *p = timer->data;
    const uint64_t interval_ns = p->config->server_interval_ms * 1000000;
    p->due_soon = false;
    pthread_mutex_lock(&p->lock);
    const bool remapped = p->fresh.profiles != NULL;
    pthread_mutex_unlock(&p->lock);
    if (p->shown_ns != 0 && now_mono_ns() - p->shown_ns < interval_ns && !remapped)
        scrape_turned(p->scrape, p->turn);
    else
        begin(p);
    tell(p);
}

static uint64_t ask_turn(void *page)
{
    struct cluster_page *p = page;
    if (p->fill != NULL || p->due_soon || uv_is_active((uv_handle_t *)&p->ended))
        return p->turn;
    p->due_soon = true;
    uv_timer_start(&p->due, on_due, 0, 0);
    return ++p->turn;
}

static void put_own(void *page, struct writer *w, struct buf *out)
{
    const struct cluster_page *p = page;
    const struct counter_source own = { &cluster_counters, &p->own };
    render_counters(w, &own, 1, out);
}

/* ---- what control asks for ---- */

/* Its handles go, and with the last one its loop ends. */
static void close_all(struct cluster_page *p)
{
    redis_reader_free(p->reader);
    registry_filled(p->to);
    cluster_fill_free(p->fill);
    shown_free(p->filling);
    scrape_free(p->scrape);
    uv_close((uv_handle_t *)&p->due, NULL);
    uv_close((uv_handle_t *)&p->check, NULL);
    uv_close((uv_handle_t *)&p->ended, NULL);
    uv_close((uv_handle_t *)&p->asked, NULL);
}

static void do_asked(struct cluster_page *p)
{
    pthread_mutex_lock(&p->lock);
    const unsigned what = p->what;
    p->what = 0;
    pthread_mutex_unlock(&p->lock);
    if (what & ASKED_STOP)
        scrape_stop(p->scrape);
    if (what & ASKED_CUT)
        scrape_cut(p->scrape);
    if (what & ASKED_END) {
        close_all(p);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopped |= (what & ASKED_STOP) != 0;
    pthread_mutex_unlock(&p->lock);
    tell(p);
}

static void on_asked(uv_async_t *asked)
{
    do_asked(asked->data);
}

static void ask(struct cluster_page *p, unsigned what)
{
    pthread_mutex_lock(&p->lock);
    p->what |= what;
    pthread_mutex_unlock(&p->lock);
    if (p->runs)
        uv_async_send(&p->asked);
    else
        do_asked(p);
}

static void run(void *page)
{
    struct cluster_page *p = page;
    (void)pthread_setname_np(pthread_self(), "cluster");
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
}

/* ---- its life ---- */

static int load_rules(struct cluster_page *p)
{
    struct core_mapping m;
    struct buf errors = { 0 };
    int rc = core_mapping_load(p->config, &m, &errors);
    if (rc == 0)
        p->rules = rules_new(&m);
    else
        LOG(LOG_ERROR, "cannot start", F_SLICE("error", buf_slice(&errors)));
    buf_release(&errors);
    return rc;
}

static int open_loop(struct cluster_page *p)
{
    const struct scrape_opts o = { .loop = &p->loop,
                                   .stats = &p->expose,
                                   .put_own = put_own,
                                   .left = on_left,
                                   .own = p,
                                   .ask_turn = ask_turn,
                                   .turn = p };
    int rc = uv_async_init(&p->loop, &p->asked, on_asked);
    if (rc < 0)
        return rc;
    uv_timer_init(&p->loop, &p->due);
    uv_timer_init(&p->loop, &p->check);
    uv_timer_init(&p->loop, &p->ended);
    p->asked.data = p->due.data = p->check.data = p->ended.data = p;
    return scrape_new(&o, &p->scrape);
}

int cluster_page_new(const struct config *c, struct cluster_page **ret)
{
    struct cluster_page *p = mem_zalloc(sizeof *p);
    p->config = c;
    p->idle = true;
    int rc = load_rules(p);
    if (rc == 0)
        rc = uv_loop_init(&p->loop);
    if (rc == 0)
        rc = open_loop(p);
    if (rc < 0) { /* the process ends */
        if (p->rules != NULL)
            rules_leave(p->rules);
        free(p);
        return rc;
    }
    pthread_mutex_init(&p->lock, NULL);
    *ret = p;
    return 0;
}

int cluster_page_start(struct cluster_page *p)
{
    int rc = uv_thread_create(&p->thread, run, p);
    p->runs = rc == 0;
    return rc;
}

struct http_mailbox *cluster_page_mailbox(struct cluster_page *p)
{
    return scrape_mailbox(p->scrape);
}

void cluster_page_remap(struct cluster_page *p, struct core_mapping *m)
{
    pthread_mutex_lock(&p->lock);
    struct core_mapping before = p->fresh;
    p->fresh = *m;
    pthread_mutex_unlock(&p->lock);
    core_mapping_release(&before);
    *m = (struct core_mapping){ 0 };
}

void cluster_page_stats(struct cluster_page *p, struct cluster_stats *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = p->stats;
    pthread_mutex_unlock(&p->lock);
}

bool cluster_page_idle(struct cluster_page *p)
{
    ask(p, 0); /* so that the next call knows */
    pthread_mutex_lock(&p->lock);
    bool idle = p->idle;
    pthread_mutex_unlock(&p->lock);
    return idle;
}

void cluster_page_cut(struct cluster_page *p)
{
    ask(p, ASKED_CUT);
}

static bool is_stopped(struct cluster_page *p)
{
    pthread_mutex_lock(&p->lock);
    bool stopped = p->stopped;
    pthread_mutex_unlock(&p->lock);
    return stopped;
}

void cluster_page_stop(struct cluster_page *p, unsigned most_ms)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    const uint64_t begin_ms = now_mono_ms();
    ask(p, ASKED_STOP);
    while (!is_stopped(p) || !cluster_page_idle(p)) {
        if (now_mono_ms() - begin_ms >= most_ms)
            cluster_page_cut(p);
        (void)nanosleep(&pause, NULL);
    }
}

void cluster_page_free(struct cluster_page *p)
{
    if (p == NULL)
        return;
    ask(p, ASKED_END);
    if (p->runs)
        (void)uv_thread_join(&p->thread);
    else
        (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&p->loop);
    assert(rc == 0); /* every handle is closed */
    (void)rc;
    for (struct shown *s = p->all, *next; s != NULL; s = next) {
        next = s->next;
        shown_free(s);
    }
    rules_leave(p->rules);
    core_mapping_release(&p->fresh);
    cluster_memory_release(&p->memory);
    buf_release(&p->error);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
