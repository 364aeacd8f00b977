/*
 * In this file: the bundle, how many handshakes may begin (admits), a handshake from the begin of
 * its connection to the end (begin, request, over), the numbers.
 *
 * libmicrohttpd tells nobody how a handshake went, so a good one is noticed by the first request,
 * or when the connection ends, as all others are.
 */
#include "http/secure.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "http/connections.h"
#include "tls/hosted.h"

enum {
    SLOTS = 1024, /* of strangers; those that share one share its part */
    TRUSTED_SETS = 256,
    TRUSTED_WAYS = 4,
    LOG_EVERY_MS = 12000,
    ROUNDING_MS = 100 /* libmicrohttpd's clock may be ahead of ours by less */
};

/* What was begun in a second. */
struct slot {
    uint64_t second;
    uint32_t begun;
};

/* Who is trusted has a slot alone: strangers with many addresses would share any other. */
struct trusted {
    uint64_t who, until; /* the first second in which it is none any more */
    struct slot slot;
};

struct http_secure {
    pthread_mutex_t lock; /* of bundle */
    struct tls_bundle *bundle;
    struct http_secure_opts opts;
    uint32_t per_ip;
    struct slot all, slots[SLOTS];
    struct trusted trusted[TRUSTED_SETS][TRUSTED_WAYS]; /* each in the set of its hash */
    struct log_gate gate;
    /* Written by the HTTP thread only. */
    _Atomic uint64_t refused_all, refused_per_ip, results[HTTP_HANDSHAKE_RESULTS];
};

struct http_handshake {
    struct tls_hosted *hosted;
    uint64_t begun_ns;
    bool counted; /* as good */
};

struct http_secure *http_secure_new(const struct http_secure_opts *o)
{
    struct http_secure *s = mem_zalloc(sizeof *s);
    assert(o->per_second > 0 && o->timeout_s > 0);
    pthread_mutex_init(&s->lock, NULL);
    s->opts = *o;
    s->per_ip = o->per_second / HTTP_HANDSHAKES_PART;
    if (s->per_ip == 0)
        s->per_ip = 1;
    s->bundle = tls_bundle_ref(o->bundle);
    return s;
}

void http_secure_free(struct http_secure *s)
{
    if (s == NULL)
        return;
    tls_bundle_drop(s->bundle);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void http_secure_set(struct http_secure *s, struct tls_bundle *b)
{
    tls_bundle_ref(b);
    pthread_mutex_lock(&s->lock);
    struct tls_bundle *old = s->bundle;
    s->bundle = b;
    pthread_mutex_unlock(&s->lock);
    tls_bundle_drop(old);
}

static void count(_Atomic uint64_t *c)
{
    uint64_t n = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, n + 1, memory_order_relaxed);
}

/* ---- how many may begin ---- */

/* What was charged beyond a second's limit is paid off by those that follow. */
static void slot_turn(struct slot *s, uint64_t second, uint32_t limit)
{
    uint64_t paid = (second - s->second) * limit;
    s->begun = s->begun > paid ? s->begun - (uint32_t)paid : 0;
    s->second = second;
}

static uint64_t hash_of(uint64_t who)
{
    return hash64_bytes(&who, sizeof who);
}

/* NULL: it is a stranger. */
static struct trusted *trusted_of(struct http_secure *s, uint64_t who, uint64_t second)
{
    struct trusted *set = s->trusted[hash_of(who) % TRUSTED_SETS];
    for (unsigned i = 0; i < TRUSTED_WAYS; i++)
        if (set[i].who == who && second < set[i].until)
            return &set[i];
    return NULL;
}

static struct slot *slot_of(struct http_secure *s, uint64_t who, struct trusted *trusted)
{
    return trusted != NULL ? &trusted->slot : &s->slots[hash_of(who) % SLOTS];
}

bool http_secure_admits(struct http_secure *s, uint64_t who, uint64_t now_ns)
{
    uint64_t second = now_ns / 1000000000;
    struct trusted *trusted = trusted_of(s, who, second);
    struct slot *one = slot_of(s, who, trusted);
    slot_turn(one, second, s->per_ip);
    slot_turn(&s->all, second, s->opts.per_second);
    if (one->begun >= s->per_ip) {
        count(&s->refused_per_ip);
        return false;
    }
    if (trusted == NULL && s->all.begun >= s->opts.per_second) {
        count(&s->refused_all);
        return false;
    }
    one->begun++;
    s->all.begun += trusted == NULL;
    return true;
}

void http_secure_charge(struct http_secure *s, uint64_t who, size_t bytes, uint64_t now_ns)
{
    if (bytes <= HTTP_HANDSHAKE_BYTES)
        return;
    uint32_t more = (uint32_t)((bytes - HTTP_HANDSHAKE_BYTES) / HTTP_HANDSHAKE_STEP + 1);
    uint64_t second = now_ns / 1000000000;
    struct trusted *trusted = trusted_of(s, who, second);
    struct slot *one = slot_of(s, who, trusted);
    /* Turned first: seconds that are over pay for nothing that comes after them. */
    slot_turn(one, second, s->per_ip);
    slot_turn(&s->all, second, s->opts.per_second);
    one->begun += more;
    if (trusted == NULL)
        s->all.begun += more;
}

/* Where a set is full, those that are in it stay, and the newcomer is a stranger still. */
void http_secure_trust(struct http_secure *s, uint64_t who, uint64_t now_ns)
{
    uint64_t second = now_ns / 1000000000;
    struct trusted *set = s->trusted[hash_of(who) % TRUSTED_SETS], *at = trusted_of(s, who, second);
    for (unsigned i = 0; at == NULL && i < TRUSTED_WAYS; i++)
        if (set[i].until <= second) {
            at = &set[i];
            *at = (struct trusted){ .who = who };
        }
    if (at != NULL)
        at->until = second + HTTP_TRUSTED_S;
}

/* ---- a handshake ---- */

struct http_handshake *http_secure_begin(struct http_secure *s, struct MHD_Connection *mhd,
                                         uint64_t now_ns)
{
    const union MHD_ConnectionInfo *info;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct gnutls_session_int *session = info->tls_session;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info->connect_fd;

    pthread_mutex_lock(&s->lock);
    struct tls_bundle *b = tls_bundle_ref(s->bundle);
    pthread_mutex_unlock(&s->lock);
    struct tls_hosted *hosted = tls_hosted_begin(b, session, fd);
    tls_bundle_drop(b);
    if (hosted == NULL)
        return NULL;
    struct http_handshake *h = mem_zalloc(sizeof *h);
    h->hosted = hosted;
    h->begun_ns = now_ns;
    return h;
}

static void count_good(struct http_secure *s, struct http_handshake *h)
{
    if (!h->counted)
        count(&s->results[HTTP_HANDSHAKE_OK]);
    h->counted = true;
}

void http_secure_heard(struct http_handshake *h)
{
    if (h != NULL)
        tls_hosted_heard(h->hosted);
}

bool http_secure_vouched(const struct http_handshake *h)
{
    return tls_hosted_vouched(h->hosted);
}

bool http_secure_request(struct http_secure *s, struct http_handshake *h)
{
    count_good(s, h);
    return !tls_hosted_lacks_certificate(h->hosted);
}

static enum http_handshake_result result_of(enum tls_failure f)
{
    switch (f) {
    case TLS_FAILED_PLAIN_TEXT:
        return HTTP_HANDSHAKE_PLAIN_TEXT;
    case TLS_FAILED_CLOSED:
        return HTTP_HANDSHAKE_CLOSED;
    case TLS_FAILED_PARAMETERS:
        return HTTP_HANDSHAKE_PARAMETERS;
    case TLS_FAILED_CERTIFICATE:
        return HTTP_HANDSHAKE_CERTIFICATE;
    default:
        return HTTP_HANDSHAKE_OTHER;
    }
}

static void log_failure(struct http_secure *s, const struct sockaddr *from, const char *error)
{
    char text[ADDRESS_TEXT_MAX];
    uint64_t more;
    if (!log_gate(&s->gate, LOG_EVERY_MS, now_mono_ms(), &more))
        return;
    address_print(from, text);
    LOG(LOG_WARN, "connection rejected", F_STR("proto", "https"), F_STR("from", text),
        F_STR("error", error), F_U64("not_logged_before", more));
}

void http_secure_over(struct http_secure *s, struct http_handshake *h, const struct sockaddr *from,
                      uint64_t now_ns)
{
    const char *error;
    if (h == NULL)
        return;
    http_secure_charge(s, http_connections_who(from), tls_hosted_certificate_bytes(h->hosted),
                       now_ns);
    uint64_t age_ms = (now_ns - h->begun_ns) / 1000000;
    enum tls_failure f = tls_hosted_failure(h->hosted, &error);
    enum http_handshake_result result = result_of(f);
    if (f != TLS_FAILED_NOT && age_ms + ROUNDING_MS >= s->opts.timeout_s * 1000ull) {
        result = HTTP_HANDSHAKE_TIMEOUT;
        error = "the handshake took too long";
    }
    if (tls_hosted_open(h->hosted)) {
        count_good(s, h);
    } else if (f != TLS_FAILED_NOT) {
        count(&s->results[result]);
        log_failure(s, from, error);
    }
    tls_hosted_end(h->hosted);
    free(h);
}

void http_secure_stats(struct http_secure *s, struct http_stats *ret)
{
    ret->refused_handshakes = atomic_load_explicit(&s->refused_all, memory_order_relaxed);
    ret->refused_handshakes_per_ip = atomic_load_explicit(&s->refused_per_ip, memory_order_relaxed);
    for (int i = 0; i < HTTP_HANDSHAKE_RESULTS; i++)
        ret->handshakes[i] = atomic_load_explicit(&s->results[i], memory_order_relaxed);
    pthread_mutex_lock(&s->lock);
    ret->tls_expires_s = tls_bundle_expires(s->bundle);
    pthread_mutex_unlock(&s->lock);
}
