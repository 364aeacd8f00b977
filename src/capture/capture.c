/*
 *     capture_start   describe, the thread
 *     run             begin: output_open
 *       write_all     drain, look_after, a pause; until it is told to finish and the rings are
 *                     empty
 *         drain       the records of all rings by their time, a batch of them
 *           write_one
 *         look_after  once a second
 *       publish       what others see of it
 *
 * Why the capture is over is known to the thread alone until control has looked; meanwhile, and
 * while the workers still have the rings, what comes is read and
 *     counted as lost   the disk fails or is full
 *     written           it came before until_ms
 *     left out          it came after until_ms, or after the packet that was too much for
 *                       max_bytes: it is none of the capture's
 */
#include "capture/capture.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/now.h"
#include "capture/origin.h"
#include "capture/output.h"

enum {
    PAUSE_MS = 5, /* a thirtieth of what a ring lasts at 80 MB/s */
    BATCH = 512,  /* records, before their room is given back */
    LOOK_MS = 1000,
    NS_PER_MS = 1000000
};

static_assert((int)CAPTURE_NAME_MAX <= (int)CAPTURE_FILE_MAX, "a name has room");
static_assert(OUTPUT_BUFFER_BYTES + OUTPUT_BEGIN_MAX <= (int)CAPTURE_MEMORY_BYTES, "what it takes");

struct capture {
    struct capture_opts opts;
    pthread_t thread;
    /* The thread's: */
    const struct tap_record **head; /* of each feed: its next record, or NULL */
    struct output out;
    struct buf begin; /* of each file */
    bool began;
    uint64_t looked_ms;
    enum capture_end over;
    int error;
    uint64_t lost;
    /* Both sides': */
    pthread_mutex_t lock;
    bool finish;
    struct capture_seen seen;
};

static void capture_check(const struct capture *c)
{
    assert(c->opts.n_feeds > 0 && c->opts.file_bytes > 0);
    assert(c->over <= CAPTURE_GOES_ON && (c->error < 0) == (c->over == CAPTURE_END_ERROR));
}

/* ---- the thread ---- */

static void publish(struct capture *c, bool ended)
{
    const struct output *o = &c->out;
    pthread_mutex_lock(&c->lock);
    c->seen.began = c->began;
    c->seen.over = c->over;
    c->seen.error = c->error;
    c->seen.ended = ended;
    memcpy(c->seen.file, o->files.name, sizeof o->files.name);
    c->seen.files = o->files.n;
    c->seen.packets = o->packets;
    c->seen.bytes = o->bytes;
    c->seen.lost = c->lost + o->lost;
    pthread_mutex_unlock(&c->lock);
}

static void fail(struct capture *c, int rc)
{
    c->over = CAPTURE_END_ERROR;
    c->error = rc;
}

static bool is_late(const struct capture *c, const struct tap_record *rec)
{
    const uint64_t until_ns = (uint64_t)c->opts.until_ms * NS_PER_MS;
    return c->opts.until_ms > 0 && rec->stamp_ns >= until_ns;
}

/* What its time does not end: packets that came before lie in the rings until they are read. */
static bool is_wanted(struct capture *c, const struct tap_record *rec)
{
    const bool late = is_late(c, rec);
    c->lost += !late && (c->over == CAPTURE_END_ERROR || c->over == CAPTURE_END_DISK_FULL);
    if (late && c->over == CAPTURE_GOES_ON)
        c->over = CAPTURE_END_TIME;
    return !late && (c->over == CAPTURE_GOES_ON || c->over == CAPTURE_END_TIME);
}

static void write_one(struct capture *c, const struct capture_feed *feed,
                      const struct tap_record *rec, int64_t now_ms)
{
    assert(rec->listener < feed->n_sockets);
    const unsigned number = feed->sockets[rec->listener];
    struct packet p = { .time_ns = rec->stamp_ns,
                        .payload = { tap_record_data(rec), rec->len },
                        .len = rec->orig_len };
    if (!is_wanted(c, rec))
        return;
    assert(number < c->opts.n_sockets);
    origin_set(&c->opts.sockets[number], number, rec, &p);
    if (output_is_full(&c->out, &p)) {
        c->over = CAPTURE_END_MAX_BYTES;
        return;
    }
    int rc = output_put(&c->out, &p, now_ms);
    if (rc < 0) {
        fail(c, rc);
        c->lost++;
    }
}

/* Which feed has the oldest record at hand?  -1: none has any. */
static int oldest(const struct capture *c)
{
    int at = -1;
    for (int i = 0; i < (int)c->opts.n_feeds; i++)
        if (c->head[i] != NULL && (at < 0 || c->head[i]->stamp_ns < c->head[at]->stamp_ns))
            at = i;
    return at;
}

/*
 * The last record of each feed is written too, for its room is given back with that of the others.
 * returns  how many
 */
static unsigned drain(struct capture *c)
{
    const struct capture_feed *feeds = c->opts.feeds;
    const int64_t now_ms = now_wall_ms();
    unsigned n = 0;
    for (size_t i = 0; i < c->opts.n_feeds; i++)
        c->head[i] = tap_ring_next(feeds[i].ring);
    for (int at = oldest(c); at >= 0; at = oldest(c)) {
        write_one(c, &feeds[at], c->head[at], now_ms);
        c->head[at] = ++n < BATCH ? tap_ring_next(feeds[at].ring) : NULL;
    }
    for (size_t i = 0; n > 0 && i < c->opts.n_feeds; i++)
        tap_ring_release(feeds[i].ring);
    return n;
}

static void look_at_files(struct capture *c)
{
    int rc = output_look(&c->out);
    if (rc < 0 && c->over != CAPTURE_END_ERROR)
        fail(c, rc);
}

static void look_after(struct capture *c)
{
    const int64_t now_ms = now_wall_ms();
    look_at_files(c);
    if (c->over == CAPTURE_GOES_ON && c->opts.until_ms > 0 && now_ms >= c->opts.until_ms)
        c->over = CAPTURE_END_TIME;
    if (now_mono_ms() - c->looked_ms < LOOK_MS)
        return;
    c->looked_ms = now_mono_ms();
    if (c->over != CAPTURE_GOES_ON)
        return;
    int rc = output_flush(&c->out);
    if (rc < 0)
        fail(c, rc);
    else if (capture_files_low(&c->out.files))
        c->over = CAPTURE_END_DISK_FULL;
}

static bool told_to_finish(struct capture *c)
{
    pthread_mutex_lock(&c->lock);
    bool finish = c->finish;
    pthread_mutex_unlock(&c->lock);
    return finish;
}

/* Nobody has brought anything so far.  returns  false: it does not begin */
static bool begin(struct capture *c)
{
    int rc = output_open(&c->out, c->opts.dir, c->opts.max_files, now_wall_ms());
    if (rc < 0) {
        fail(c, rc);
        return false;
    }
    c->began = !told_to_finish(c);
    if (!c->began)
        output_drop(&c->out);
    return c->began;
}

static void write_all(struct capture *c)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    publish(c, false);
    for (bool last = false, more = true; more || !last;) {
        last = told_to_finish(c); /* before the rings are looked at for the last time */
        more = drain(c) > 0;
        look_after(c);
        capture_check(c);
        publish(c, false);
        if (!more && !last)
            (void)nanosleep(&pause, NULL);
    }
    int rc = output_close(&c->out);
    if (rc < 0 && c->over != CAPTURE_END_ERROR)
        fail(c, rc);
}

static void *run(void *capture)
{
    struct capture *c = capture;
    (void)pthread_setname_np(pthread_self(), "capture");
    if (begin(c))
        write_all(c);
    publish(c, true);
    return NULL;
}

/* ---- control ---- */

/* As many as there is room for: some hundreds. */
static void describe(struct capture *c, uint64_t now_ns)
{
    char text[ORIGIN_TEXT_MAX];
    const size_t each = PACKET_HEAD_MAX + ORIGIN_TEXT_MAX;
    for (size_t i = 0; i < c->opts.n_sockets && c->begin.len + each <= OUTPUT_BEGIN_MAX; i++) {
        struct packet p;
        origin_describe(&c->opts.sockets[i], (unsigned)i, now_ns, text, &p);
        char *to = buf_reserve(&c->begin, each);
        c->begin.len += packet_put(&p, PACKET_SNAPLEN, to);
    }
    assert(c->begin.len <= OUTPUT_BEGIN_MAX);
}

static void release(struct capture *c)
{
    pthread_mutex_destroy(&c->lock);
    buf_release(&c->begin);
    free(c->head);
    free(c);
}

static int start_thread(struct capture *c)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = -pthread_create(&c->thread, NULL, run, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int capture_start(const struct capture_opts *o, struct capture **ret)
{
    struct capture *c = mem_zalloc(sizeof *c);
    c->opts = *o;
    c->over = c->seen.over = CAPTURE_GOES_ON;
    c->looked_ms = now_mono_ms();
    c->head = mem_zalloc(o->n_feeds * sizeof(struct tap_record *));
    pthread_mutex_init(&c->lock, NULL);
    describe(c, now_wall_ns());
    c->out = (struct output){ .snaplen = o->snaplen,
                              .max_bytes = o->max_bytes,
                              .max_file_bytes = o->file_bytes,
                              .begin = buf_slice(&c->begin) };
    capture_check(c);
    int rc = start_thread(c);
    if (rc < 0) {
        release(c);
        return rc;
    }
    *ret = c;
    return 0;
}

void capture_look(struct capture *c, struct capture_seen *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->seen;
    pthread_mutex_unlock(&c->lock);
}

void capture_await(struct capture *c, unsigned wait_ms, struct capture_seen *ret)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    const uint64_t until_ms = now_mono_ms() + wait_ms;
    for (capture_look(c, ret); !ret->began && !ret->ended && now_mono_ms() < until_ms;
         capture_look(c, ret))
        (void)nanosleep(&pause, NULL);
}

void capture_finish(struct capture *c)
{
    pthread_mutex_lock(&c->lock);
    c->finish = true;
    pthread_mutex_unlock(&c->lock);
}

bool capture_join(struct capture *c, unsigned wait_ms, struct capture_seen *ret)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    const uint64_t until_ms = now_mono_ms() + wait_ms;
    assert(c->finish);
    for (capture_look(c, ret); !ret->ended; capture_look(c, ret)) {
        if (now_mono_ms() >= until_ms)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    pthread_join(c->thread, NULL);
    release(c);
    return true;
}
