/*
 * How long a worker is away from its sockets: what it does between two reads, one receive's worth
 * of datagrams or one turn of its page.  Beside it what control does in one go meanwhile.
 *
 *     micro_pause [SERIES]     1,000,000 without
 *
 *     grow      SERIES names, each for the first time
 *     full      one page with all of them, and its turn: what the machine adds shows here
 *     storm     as many other names, one line of them for five of the known ones: the table doubles
 *     expire    nothing comes any more, and all are idle for longer than the ttl
 *
 * New names come at NEW_A_SECOND, a million in ten seconds, and each second brings a turn; further
 * turns follow as long as the sweep of the worker or of control has more to do.  The time in which
 * all expire is the worker's clock alone.
 *
 *     pause_PHASE_WORK_cpu_max, _cpu_p999    of the thread's own CPU time, for the goal of 2 ms
 *     pause_PHASE_WORK_wall_max              tells of the machine too: who else is on the core
 */
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "aggregate/lane.h"
#include "aggregate/registry.h"
#include "aggregate/registry_interval.h"
#include "base/backing.h"
#include "base/now.h"
#include "loadgen/payload.h"
#include "micro.h"
#include "micro_cpu.h"

enum {
    RECEIVE = 64, /* datagrams */
    KNOWN_A_STORM = 5,
    NEW_A_SECOND = 100000, /* names */
    LINES_A_SECOND = NEW_A_SECOND * (1 + KNOWN_A_STORM),
    TTL_S = 300,
    EXPIRE_SECONDS_MAX = 4 * TTL_S
};

/* ---- times ---- */

struct times {
    double *ns; /* CPU */
    size_t n, cap;
    double wall_ns; /* the longest */
};

struct moment {
    uint64_t cpu_ns, wall_ns;
};

static struct moment moment_now(void)
{
    return (struct moment){ micro_now_ns(), now_mono_ns() };
}

static void times_add(struct times *t, struct moment from)
{
    const struct moment now = moment_now();
    const double ns = (double)(now.cpu_ns - from.cpu_ns);
    const double wall_ns = (double)(now.wall_ns - from.wall_ns);
    t->wall_ns = wall_ns > t->wall_ns ? wall_ns : t->wall_ns;
    if (t->n == t->cap) {
        t->cap = t->cap > 0 ? t->cap * 2 : 1024;
        t->ns = realloc(t->ns, t->cap * sizeof *t->ns);
        if (t->ns == NULL)
            abort();
    }
    t->ns[t->n++] = ns;
}

static void print_one(const char *phase, const char *what, const char *figure, double ns)
{
    char name[64];
    snprintf(name, sizeof name, "pause_%s_%s_%s", phase, what, figure);
    micro_print(name, ns / 1e3, "us");
}

/* RESULT lines of what was timed since the last call */
static void times_print(struct times *t, const char *what, const char *phase)
{
    if (t->n == 0)
        return;
    qsort(t->ns, t->n, sizeof *t->ns, micro_compare);
    print_one(phase, what, "cpu_max", t->ns[t->n - 1]);
    print_one(phase, what, "cpu_p999", t->ns[(t->n - 1) * 999 / 1000]);
    print_one(phase, what, "wall_max", t->wall_ns);
    t->n = 0;
    t->wall_ns = 0;
}

/* ---- datagrams ---- */

struct stream {
    struct payload payload;
    char *bytes; /* the payload's, padded as receive buffers are */
    size_t at;   /* the next datagram */
};

static void stream_init(struct stream *s, const char *prefix, uint32_t series)
{
    struct payload_spec spec = { .seed = 1,
                                 .series = series,
                                 .tags = 3,
                                 .tag_values = 50,
                                 .bytes = 1432,
                                 .packed = 1,
                                 .rate = 1,
                                 .set_members = 1000,
                                 .lines = series,
                                 .prefix = prefix,
                                 .suffix = "",
                                 .values = { VALUES_LOGNORMAL, 100, 1 } };
    *s = (struct stream){ .at = 0 };
    if (mix_parse(slice_str("c=60,ms=30,g=10"), &spec.mix) < 0 ||
        payload_init(&s->payload, &spec) < 0)
        abort();
    s->bytes = calloc(1, PARSE_PAD_BEFORE + s->payload.len + PARSE_PAD_BEHIND);
    if (s->bytes == NULL)
        abort();
    memcpy(s->bytes + PARSE_PAD_BEFORE, s->payload.bytes, s->payload.len);
}

static void stream_release(struct stream *s)
{
    free(s->bytes);
    payload_release(&s->payload);
}

/* ---- both threads ---- */

struct world {
    struct profiles *profiles;
    struct series_limit limit;
    struct lane *lane;
    struct ingest *ingest; /* the lane's */
    struct lane_source source;
    struct registry *registry;
    uint64_t now_ns;
    uint64_t lines; /* fed */
    bool unswept;   /* of the last page */
    sem_t asked, done;
    void (*job)(struct world *w); /* control's; NULL: to end */
    struct stream known, storm;
    struct times receive, turn, merge, expire;
};

static void world_init(struct world *w, uint32_t series)
{
    static const double quantiles[] = { 0.5, 0.9, 0.99 };
    *w = (struct world){ .now_ns = now_mono_ns() };
    w->profiles = profiles_new(&(struct profile){ .sketch_schema = 5,
                                                  .scale = 1,
                                                  .quantiles = quantiles,
                                                  .n_quantiles = ARRAY_LEN(quantiles),
                                                  .summary_max_age_ms = 600000,
                                                  .summary_age_buckets = 5,
                                                  .ttl_s = TTL_S });
    const struct lane_opts o = {
        .parse = PARSE_OPTS_DEFAULT,
        .ingest = { .tags = TAGS_OPTS_DEFAULT, .profiles = w->profiles, .limit = &w->limit },
    };
    const struct registry_opts ro = { .profiles = w->profiles, .limit = &w->limit };
    if (series_limit_init(&w->limit, 4 * (uint64_t)series) < 0 || lane_new(&o, &w->lane) < 0)
        abort();
    if (sem_init(&w->asked, 0, 0) < 0 || sem_init(&w->done, 0, 0) < 0)
        abort();
    w->ingest = lane_ingest(w->lane);
    w->registry = registry_new(&ro);
}

static void world_release(struct world *w)
{
    registry_free(w->registry);
    lane_free(w->lane);
    series_limit_release(&w->limit);
    profiles_free(w->profiles);
    free(w->receive.ns);
    free(w->turn.ns);
    free(w->merge.ns);
    free(w->expire.ns);
}

/* ---- control, on the main thread ---- */

static void merge(struct world *w)
{
    struct page *p = ingest_take(w->ingest);
    const struct moment from = moment_now();
    registry_merge(w->registry, p, w->now_ns);
    times_add(&w->merge, from);
    w->unswept = page_unswept(p);
    ingest_give(w->ingest, p);
}

static void next_second(struct world *w)
{
    const struct interval_end end = { .interval_ms = 1000, .now_ns = w->now_ns };
    struct snapshot closed;
    bool more = true;
    registry_close(w->registry, &end, &closed);
    (void)registry_give(w->registry, SIZE_MAX);
    while (more) {
        const struct moment from = moment_now();
        more = registry_expire(w->registry, w->now_ns);
        times_add(&w->expire, from);
    }
}

static void serve(struct world *w)
{
    while (sem_wait(&w->asked) == 0 && w->job != NULL) {
        w->job(w);
        sem_post(&w->done);
    }
}

/* Have control do that, and wait for it.  thread  worker */
static void on_control(struct world *w, void (*job)(struct world *w))
{
    w->job = job;
    sem_post(&w->asked);
    if (job != NULL)
        sem_wait(&w->done);
}

/* ---- the worker ---- */

static void turn(struct world *w)
{
    do {
        const struct moment from = moment_now();
        if (!ingest_turn(w->ingest, w->now_ns))
            abort();
        times_add(&w->turn, from);
        on_control(w, merge);
    } while (w->unswept);
    on_control(w, next_second);
}

/* The next n datagrams, into one receive that is under way. */
static void feed(struct world *w, struct stream *s, size_t n)
{
    for (; n > 0; n--, s->at++) {
        const struct send_datagram *d = &s->payload.datagrams[s->at % s->payload.n];
        lane_datagram(w->lane, &(struct lane_datagram){ .ptr = s->bytes + PARSE_PAD_BEFORE + d->at,
                                                        .len = d->len,
                                                        .padded = true });
        w->lines += s->payload.counts[s->at % s->payload.n].lines;
    }
}

static void print_phase(struct world *w, const char *name)
{
    times_print(&w->receive, "receive", name);
    times_print(&w->turn, "turn", name);
    times_print(&w->merge, "merge", name);
    times_print(&w->expire, "expire", name);
}

/* Wait until so many lines are due of a phase that began then. */
static void keep_pace(uint64_t from_ns, uint64_t lines, uint64_t a_second)
{
    const uint64_t due_ns = from_ns + lines * 1000000 / (a_second / 1000);
    const uint64_t now_ns = now_mono_ns();
    if (due_ns > now_ns)
        usleep((useconds_t)((due_ns - now_ns) / 1000));
}

/*
 * All of `fresh` once, that many lines a second; known: NULL, or KNOWN_A_STORM datagrams of it for
 * each of the former.  turns: one each second, or only one at the end
 */
static void phase(struct world *w, struct stream *fresh, struct stream *known, uint64_t a_second,
                  bool turns)
{
    const uint64_t from_ns = now_mono_ns(), lines_before = w->lines;
    uint64_t turned = lines_before;
    for (fresh->at = 0; fresh->at < fresh->payload.n;) {
        size_t n = known != NULL ? RECEIVE / (1 + KNOWN_A_STORM) : RECEIVE;
        n = n < fresh->payload.n - fresh->at ? n : fresh->payload.n - fresh->at;
        keep_pace(from_ns, w->lines - lines_before, a_second);
        const struct moment from = moment_now();
        lane_begin(w->lane, &w->source, (struct lane_clock){ .now_ns = w->now_ns });
        feed(w, fresh, n);
        if (known != NULL)
            feed(w, known, RECEIVE - n);
        lane_flush(w->lane);
        times_add(&w->receive, from);
        if (!turns || w->lines - turned < a_second)
            continue;
        turned = w->lines;
        w->now_ns += 1000000000;
        turn(w);
    }
    turn(w);
}

static void expire(struct world *w)
{
    unsigned seconds = 0;
    w->now_ns += (TTL_S + 1) * 1000000000ull;
    for (; w->limit.n > 0 && seconds < EXPIRE_SECONDS_MAX; seconds++) {
        w->now_ns += 1000000000;
        turn(w);
    }
    if (w->limit.n > 0)
        fprintf(stderr, "micro_pause: %" PRIu64 " series did not expire\n", w->limit.n);
    print_phase(w, "expire");
    micro_print("pause_expire_takes", seconds, "s");
}

static void *worker(void *world)
{
    struct world *w = world;
    phase(w, &w->known, NULL, NEW_A_SECOND, true);
    print_phase(w, "grow");
    phase(w, &w->known, NULL, LINES_A_SECOND, false);
    print_phase(w, "full");
    phase(w, &w->storm, &w->known, LINES_A_SECOND, true);
    print_phase(w, "storm");
    expire(w);
    on_control(w, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    uint32_t series = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    struct world w;
    pthread_t thread;
    micro_cpu();
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet */
    (void)mallopt(M_MXFAST, 0); /* as the server does */
    if (backing_start() < 0)
        abort();
    world_init(&w, series);
    stream_init(&w.known, "bench.", series);
    stream_init(&w.storm, "storm.", series);
    if (pthread_create(&thread, NULL, worker, &w) != 0)
        abort();
    serve(&w);
    pthread_join(thread, NULL);
    stream_release(&w.known);
    stream_release(&w.storm);
    world_release(&w);
    backing_stop();
    return 0;
}
