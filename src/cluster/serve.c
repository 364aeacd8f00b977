/*
 * ask_turn           somebody waits: on_due
 *   on_due             the page at hand is of this interval, or begin
 *     begin            a new registry, a reader, a filling; on_check ends it when Redis is away
 *     on_filled        it has ended: on_over, once out of the reader's calls
 *       show           .. whole: what is shown from now on
 *       refuse         .. or not: 503
 */
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "cluster/page_priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "core/core_opts.h"
#include "core/redis_options.h"
#include "expose/render.h"
#include "sinks/redis_reader.h"

enum {
    CHECK_MS = 100,
    AWAY_MORE_MS = 500, /* than a connection may take */
    LATE_MS = 30000,
    BEHIND_MS = 120000 /* what instances send again has come by then, if at all */
};

/* ---- registries ---- */

void cluster_rules_leave(struct rules *r)
{
    if (r == NULL || --r->users > 0)
        return;
    core_mapping_release(&r->mapping);
    free(r);
}

struct rules *cluster_rules_new(struct core_mapping *m)
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
    cluster_rules_leave(s->rules);
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

void cluster_serve_tell(struct cluster_page *p)
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
    cluster_rules_leave(p->rules);
    p->rules = cluster_rules_new(&fresh);
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
    if (!ready && ms >= p->config->redis_connect_timeout_ms + AWAY_MORE_MS)
        on_filled(p, CLUSTER_RESULT_AWAY, trouble != NULL ? trouble : "no answer");
    else if (ms >= LATE_MS)
        on_filled(p, CLUSTER_RESULT_LATE, "Redis takes too long");
}

/* returns  false: a file that it names cannot be read */
static bool open_reader(struct cluster_page *p)
{
    const struct config *c = p->config;
    const struct redis_reader_opts o = {
        .url = c->redis_url,
        .files = core_redis_files(c),
        .prefix = c->redis_prefix,
        .name = "cluster-metrics",
        .connect_timeout_ms = (uint32_t)c->redis_connect_timeout_ms,
        .reply_timeout_ms = (uint32_t)c->redis_reply_timeout_ms,
        .request_timeout_ms = LATE_MS,
    };
    return p->reader != NULL || redis_reader_new(&p->loop, &o, &p->reader) == 0;
}

/* Once the time is over in which they come again, lost writes stay lost. */
static bool is_given_up(const struct cluster_page *p)
{
    return p->behind_ns != 0 && p->begun_ns - p->behind_ns > BEHIND_MS * 1000000ull;
}

/* As it was read again last, in whole intervals. */
static int64_t set_window_ms(const struct cluster_page *p, const struct profile *whole)
{
    const uint64_t intervals = (uint64_t)whole->set_steps * whole->set_step_intervals;
    return (int64_t)(intervals * p->config->server_interval_ms);
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
        on_filled(p, CLUSTER_RESULT_REFUSED,
                  "a password or certificate of [redis] is not readable");
        return;
    }
    const struct profile *whole = profiles_at(p->rules->mapping.profiles, 0);
    p->memory.window_ns =
        has_summaries(&p->rules->mapping) ? (uint64_t)whole->summary_max_age_ms * 1000000 : 0;
    p->memory.totals_ttl_s = core_seconds_up(p->config->redis_totals_ttl_ms);
    cluster_memory_begin(&p->memory, p->begun_ns, is_given_up(p));
    p->to = registry_fill(p->filling->registry, p->config->limits_max_series, p->begun_ns);
    const struct cluster_fill_opts o = {
        .reader = p->reader,
        .totals = { .to = p->to,
                    .memory = &p->memory,
                    .instance_label = p->config->redis_instance_label },
        .interval_ms = (int64_t)p->config->server_interval_ms,
        .set_window_ms = set_window_ms(p, whole),
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
    p->away_wall_ms = 0;
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
    static const char *const does[] = { [CLUSTER_RESULT_OK] = "",
                                        [CLUSTER_RESULT_AWAY] = "is away",
                                        [CLUSTER_RESULT_REFUSED] = "refuses",
                                        [CLUSTER_RESULT_LATE] = "is late",
                                        [CLUSTER_RESULT_BEHIND] = "is behind" };
    struct buf text = { 0 };
    char since[32] = "";
    struct tm tm;
    const time_t away_s = (time_t)(p->away_wall_ms / 1000);
    if (p->result == CLUSTER_RESULT_AWAY && gmtime_r(&away_s, &tm) != NULL)
        (void)strftime(since, sizeof since, " since %Y-%m-%dT%H:%M:%SZ", &tm);
    buf_printf(&text, "no cluster metrics: Redis %s%s: %s", does[p->result], since, p->error.ptr);
    buf_append_char(&text, '\0');
    log_edge(p, p->error.ptr);
    scrape_refused(p->scrape, p->turn, text.ptr);
    buf_release(&text);
}

static void on_over(uv_timer_t *timer)
{
    struct cluster_page *p = timer->data;
    const bool whole = p->result == CLUSTER_RESULT_OK;
    if (p->result == CLUSTER_RESULT_BEHIND && p->behind_ns == 0)
        p->behind_ns = p->begun_ns;
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
    cluster_serve_tell(p);
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
    cluster_serve_tell(p);
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

/* ---- its begin and end ---- */

int cluster_serve_open(struct cluster_page *p)
{
    const struct scrape_opts o = { .loop = &p->loop,
                                   .stats = &p->expose,
                                   .put_own = put_own,
                                   .left = on_left,
                                   .own = p,
                                   .ask_turn = ask_turn,
                                   .turn = p };
    uv_timer_init(&p->loop, &p->due);
    uv_timer_init(&p->loop, &p->check);
    uv_timer_init(&p->loop, &p->ended);
    p->due.data = p->check.data = p->ended.data = p;
    return scrape_new(&o, &p->scrape);
}

/* With the last handle its loop ends. */
void cluster_serve_close(struct cluster_page *p)
{
    redis_reader_free(p->reader);
    registry_filled(p->to);
    cluster_fill_free(p->fill);
    shown_free(p->filling);
    scrape_free(p->scrape);
    uv_close((uv_handle_t *)&p->due, NULL);
    uv_close((uv_handle_t *)&p->check, NULL);
    uv_close((uv_handle_t *)&p->ended, NULL);
}

void cluster_serve_release(struct cluster_page *p)
{
    for (struct shown *s = p->all, *next; s != NULL; s = next) {
        next = s->next;
        shown_free(s);
    }
    cluster_rules_leave(p->rules);
    cluster_memory_release(&p->memory);
    buf_release(&p->error);
}
