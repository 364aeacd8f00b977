/*
 * A feed: a ring of events between its owner and its readers.
 *
 *     events    first              first + n
 *                 | 7 | 8 | 9 | 10 |    <- http_feed_append (owner)
 *                   ^       ^
 *           a reader's `next`: the event it takes when it has sent all of `now`
 *
 *     starve    a reader that has sent all suspends its connection; wake resumes it
 *     behind    its next event is gone: it is starved until the owner has made up for it
 *
 * A reader holds a reference to the event that it is sending, so that an event is never broken off
 * in the middle.  Readers run on the HTTP thread (libmicrohttpd calls read_some when a connection
 * has room for more); all that both sides touch is under the feed's lock.
 */
#include "http/feed.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/body_priv.h"
#include "http/connections.h"
#include "http/feed_priv.h"

enum {
    BLOCK_BYTES = 4096,     /* what libmicrohttpd asks for at once */
    SEND_BYTES = 64 * 1024, /* what the kernel keeps for a reader that does not read */
    NS_PER_MS = 1000000,
};

const char http_feed_type[] = "text/event-stream";

struct http_feed_reader {
    struct http_feed *feed;
    struct http_feeds *all;
    struct MHD_Connection *connection;
    struct http_connection *peer;
    struct http_feed_reader *next_reader;
    struct http_body *now; /* what it sends, with a reference; NULL: it is between two events */
    size_t at;             /* bytes of it that are sent */
    uint64_t next;         /* number of the event after that */
    bool starved;          /* suspended until there is more */
    bool behind;           /* starved, and `next` is gone */
};

struct http_feed {
    pthread_mutex_t lock; /* of all that follows; before libmicrohttpd's own */
    struct http_feed_opts opts;
    size_t refs;                              /* the owner's, and one of each reader */
    struct http_body *ring[HTTP_FEED_EVENTS]; /* event i at i % HTTP_FEED_EVENTS */
    uint64_t first;                           /* number of the oldest event kept */
    size_t n;                                 /* how many are */
    bool ended;
    struct http_body *beat;
    uint64_t appended_ns;
    struct http_feed_reader *readers;
    size_t n_readers;
};

/* Locked. */
static void reader_check(const struct http_feed_reader *r)
{
    const struct http_feed *f = r->feed;
    assert(f->n <= HTTP_FEED_EVENTS && f->refs >= f->n_readers && f->n_readers > 0);
    assert(r->next <= f->first + f->n);
    assert(r->now != NULL ? r->at < r->now->len : r->at == 0);
    assert(!r->starved || (r->now == NULL && !f->ended));
    assert(!r->behind || (r->starved && f->opts.catch_up != NULL));
}

struct http_feed *http_feed_new(const struct http_feed_opts *opts)
{
    static const char beat[] = ": \n\n";
    struct http_feed *f = mem_zalloc(sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    if (opts != NULL)
        f->opts = *opts;
    f->refs = 1;
    f->beat = http_body_take(http_feed_type, mem_strdup(beat), sizeof beat - 1);
    f->appended_ns = now_mono_ns();
    return f;
}

/* ---- what follows is called with the lock held ---- */

static void drop_oldest(struct http_feed *f)
{
    assert(f->n > 0);
    http_body_unref(f->ring[f->first++ % HTTP_FEED_EVENTS]);
    f->n--;
}

/* The lock is not held on return; f may be gone. */
static void unlock_and_unref(struct http_feed *f)
{
    bool last = --f->refs == 0;
    while (last && f->n > 0)
        drop_oldest(f);
    pthread_mutex_unlock(&f->lock);
    if (!last)
        return;
    http_body_unref(f->beat);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* Drop the events that all readers have taken. */
static void trim(struct http_feed *f)
{
    uint64_t least = f->first + f->n;
    for (const struct http_feed_reader *r = f->readers; r != NULL; r = r->next_reader)
        if (r->next < least && !r->behind)
            least = r->next;
    while (f->first < least)
        drop_oldest(f);
}

static void push(struct http_feed *f, struct http_body *event)
{
    if (f->n == HTTP_FEED_EVENTS)
        drop_oldest(f);
    http_body_ref(event);
    f->ring[(f->first + f->n++) % HTTP_FEED_EVENTS] = event;
}

static void wake(struct http_feed_reader *r)
{
    if (!r->starved)
        return;
    r->starved = false;
    MHD_resume_connection(r->connection);
}

static void starve(struct http_feed_reader *r)
{
    r->starved = true;
    http_connection_waits(r->peer);
    MHD_suspend_connection(r->connection);
}

/* may_starve: nothing is to be sent before.  returns  false: there is none, at least not yet */
static bool take_next(struct http_feed_reader *r, bool may_starve)
{
    struct http_feed *f = r->feed;
    if (f->ended)
        return false;
    if (r->next < f->first) {
        if (!may_starve)
            return false;
        atomic_fetch_add_explicit(&r->all->overtaken, 1, memory_order_relaxed);
        r->behind = f->opts.catch_up != NULL;
        if (r->behind)
            return false;
        r->next = f->first;
    }
    if (r->next == f->first + f->n)
        return false;
    r->now = f->ring[r->next++ % HTTP_FEED_EVENTS];
    http_body_ref(r->now);
    return true;
}

static size_t copy(struct http_feed_reader *r, char *to, size_t max)
{
    size_t n = r->now->len - r->at < max ? r->now->len - r->at : max;
    memcpy(to, r->now->ptr + r->at, n);
    r->at += n;
    if (r->at == r->now->len) {
        http_body_unref(r->now);
        r->now = NULL;
        r->at = 0;
    }
    return n;
}

/* ---- the reading end ---- */

struct http_feed_reader *http_feed_attach(struct http_feed *f, struct MHD_Connection *c,
                                          struct http_feeds *all, struct http_body *opening,
                                          const char **ret_why)
{
    struct http_connection *peer = http_connection_of(c);
    *ret_why = http_feeds_enter(all, peer);
    if (*ret_why != NULL)
        return NULL;
    struct http_feed_reader *r = mem_zalloc(sizeof *r);
    r->feed = f;
    r->all = all;
    r->connection = c;
    r->peer = peer;
    if (opening != NULL && opening->len > 0) {
        http_body_ref(opening);
        r->now = opening;
    }
    pthread_mutex_lock(&f->lock);
    assert(!f->ended);
    r->next = f->first + f->n;
    r->next_reader = f->readers;
    f->readers = r;
    f->n_readers++;
    f->refs++;
    pthread_mutex_unlock(&f->lock);
    return r;
}

void http_feed_detach(struct http_feed_reader *r)
{
    if (r == NULL)
        return;
    struct http_feed *f = r->feed;
    pthread_mutex_lock(&f->lock);
    reader_check(r);
    assert(!r->starved); /* suspended: it would stay so */
    struct http_feed_reader **at = &f->readers;
    while (*at != r)
        at = &(*at)->next_reader;
    *at = r->next_reader;
    f->n_readers--;
    atomic_fetch_sub_explicit(&r->all->open, 1, memory_order_relaxed);
    http_body_unref(r->now);
    free(r);
    trim(f);
    unlock_and_unref(f);
}

/* libmicrohttpd wants bytes.  If there are none yet, the connection is suspended. */
static ssize_t read_some(void *reader, uint64_t pos, char *to, size_t max)
{
    struct http_feed_reader *r = reader;
    struct http_feed *f = r->feed;
    size_t got = 0;
    (void)pos;
    pthread_mutex_lock(&f->lock);
    reader_check(r);
    assert(!r->starved);
    while (got < max && (r->now != NULL || take_next(r, got == 0)))
        got += copy(r, to + got, max - got);
    ssize_t rc = (ssize_t)got;
    if (got > 0) {
        http_connection_moved(r->peer);
    } else if (f->ended) {
        rc = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        starve(r);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static void reader_free(void *reader)
{
    http_feed_detach(reader);
}

struct MHD_Response *http_feed_response(struct http_feed_reader *r, bool head)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int send_bytes = SEND_BYTES;
    /* Where it fails, a reader that does not read costs the kernel more. */
    (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_some, r, reader_free);
    if (response == NULL) {
        http_feed_detach(r);
        return NULL;
    }
    /* No chunks behind a head alone: see stream.c. */
    if (head)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, http_feed_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx */
    return response;
}

/* ---- the owner's end ---- */

static bool somebody_is_behind(struct http_feed *f)
{
    bool yes = false;
    pthread_mutex_lock(&f->lock);
    for (const struct http_feed_reader *r = f->readers; r != NULL; r = r->next_reader)
        yes = yes || r->behind;
    pthread_mutex_unlock(&f->lock);
    return yes;
}

void http_feed_append(struct http_feed *f, struct http_body *event)
{
    assert(event->len > 0);
    struct http_body *made_up = somebody_is_behind(f) ? f->opts.catch_up(f->opts.cookie) : NULL;
    pthread_mutex_lock(&f->lock);
    assert(!f->ended);
    f->appended_ns = now_mono_ns();
    trim(f);
    if (f->n_readers > 0)
        push(f, event);
    for (struct http_feed_reader *r = f->readers; r != NULL; r = r->next_reader) {
        if (r->behind && made_up == NULL)
            continue; /* since we looked: the next event makes up for it */
        if (r->behind) {
            http_body_ref(made_up);
            r->now = made_up;
            r->next = f->first + f->n;
            r->behind = false;
        }
        wake(r);
    }
    pthread_mutex_unlock(&f->lock);
    http_body_unref(made_up);
}

void http_feed_tick(struct http_feed *f, uint64_t now_ns)
{
    pthread_mutex_lock(&f->lock);
    trim(f);
    /* Nobody is overtaken for a comment; who has so much to read needs none. */
    bool due = now_ns >= f->appended_ns + (uint64_t)HTTP_FEED_BEAT_MS * NS_PER_MS &&
               f->n < HTTP_FEED_EVENTS;
    pthread_mutex_unlock(&f->lock);
    if (due)
        http_feed_append(f, f->beat);
}

size_t http_feed_readers(struct http_feed *f)
{
    pthread_mutex_lock(&f->lock);
    size_t n = f->n_readers;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* Locked. */
static size_t unread_by(const struct http_feed_reader *r)
{
    const struct http_feed *f = r->feed;
    size_t bytes = r->now != NULL ? r->now->len - r->at : 0;
    for (uint64_t i = r->next > f->first ? r->next : f->first; i < f->first + f->n; i++)
        bytes += f->ring[i % HTTP_FEED_EVENTS]->len;
    return bytes;
}

size_t http_feed_unread(struct http_feed *f, size_t *ret_room)
{
    size_t most = 0;
    *ret_room = HTTP_FEED_EVENTS;
    pthread_mutex_lock(&f->lock);
    for (const struct http_feed_reader *r = f->readers; r != NULL; r = r->next_reader) {
        uint64_t events = f->first + f->n - r->next;
        size_t bytes = unread_by(r);
        size_t room = events < HTTP_FEED_EVENTS ? HTTP_FEED_EVENTS - (size_t)events : 0;
        most = bytes > most ? bytes : most;
        *ret_room = room < *ret_room ? room : *ret_room;
    }
    pthread_mutex_unlock(&f->lock);
    return most;
}

void http_feed_end(struct http_feed *f)
{
    if (f == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    assert(!f->ended);
    f->ended = true;
    for (struct http_feed_reader *r = f->readers; r != NULL; r = r->next_reader) {
        r->behind = false;
        wake(r);
    }
    unlock_and_unref(f);
}
