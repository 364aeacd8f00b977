/*
 * A lookup, on the loop's thread, asks a question, on a thread of its own.
 *
 *   redis_lookup_start -> start_thread -> ask (getaddrinfo) -- uv_async --> on_answered -> done
 *   redis_lookup_forget                   ask goes on alone, and frees the question itself
 *
 * `part` decides under the lock which of the two frees the question.  The lock, and the list of all
 * questions whose thread runs, are one for all loops.
 */
#include "sinks/redis/lookup.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A running getaddrinfo cannot be cancelled, so the question outlives the lookup; the last user
 * frees it. */
struct question {
    struct redis_lookup *asker; /* NULL once nobody waits */
    bool answered;
    int status;
    struct addrinfo *found;
    char *host;
};

struct redis_lookup {
    uv_async_t answered;
    redis_lookup_fn done;
    void *cookie;
    struct question *question;
};

static struct {
    pthread_mutex_t lock;                   /* of the next, and of each question in it */
    struct question *of[REDIS_LOOKUPS_MAX]; /* NULL: free */
} asked = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void question_free(struct question *q)
{
    if (q->found != NULL)
        freeaddrinfo(q->found);
    free(q->host);
    free(q);
}

/* These two under the lock. */
static void strike_off(const struct question *q)
{
    for (size_t i = 0; i < REDIS_LOOKUPS_MAX; i++)
        if (asked.of[i] == q)
            asked.of[i] = NULL;
}

static int write_down(struct question *q)
{
    struct question **vacant = NULL;
    for (size_t i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        const struct question *other = asked.of[i];
        if (other == NULL)
            vacant = &asked.of[i];
        else if (other->asker == NULL && strcmp(other->host, q->host) == 0)
            return -EAGAIN;
    }
    if (vacant == NULL)
        return -EBUSY;
    *vacant = q;
    return 0;
}

static void *ask(void *cookie)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct question *q = cookie;
    struct addrinfo *found = NULL;
    int status = getaddrinfo(q->host, NULL, &hints, &found);
    pthread_mutex_lock(&asked.lock);
    assert(!q->answered && q->found == NULL);
    q->answered = true;
    q->status = status;
    q->found = status == 0 ? found : NULL;
    bool waited_for = q->asker != NULL;
    /* Under the lock: the handle is not closed before the asker has been unset. */
    if (waited_for)
        uv_async_send(&q->asker->answered);
    strike_off(q);
    pthread_mutex_unlock(&asked.lock);
    if (!waited_for)
        question_free(q);
    return NULL;
}

/* returns  NULL, or what is wrong; ret is written when nothing is */
static const char *read_answer(const struct question *q, struct redis_ips *ret)
{
    int rc = q->status;
    ret->n = 0;
    if (rc != 0)
        return gai_strerror(rc);
    for (const struct addrinfo *a = q->found; a != NULL && ret->n < REDIS_IPS_MAX; a = a->ai_next) {
        rc = getnameinfo(a->ai_addr, a->ai_addrlen, ret->ip[ret->n], REDIS_IP_BYTES, NULL, 0,
                         NI_NUMERICHOST);
        ret->n += rc == 0;
    }
    if (ret->n > 0)
        return NULL;
    return rc != 0 ? gai_strerror(rc) : "the host name has no address";
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

/* The thread does not know k any more.  returns  whether it has answered: we free it then */
static bool part(struct redis_lookup *k)
{
    struct question *q = k->question;
    pthread_mutex_lock(&asked.lock);
    assert(q->asker == k); /* it has not parted before */
    bool answered = q->answered;
    q->asker = NULL;
    pthread_mutex_unlock(&asked.lock);
    uv_close((uv_handle_t *)&k->answered, on_closed);
    return answered;
}

static void on_answered(uv_async_t *async)
{
    struct redis_lookup *k = async->data;
    struct question *q = k->question;
    struct redis_ips ips;
    bool answered = part(k);
    assert(answered); /* that is what woke us */
    const char *error = read_answer(q, &ips);
    question_free(q);
    k->done(k->cookie, error == NULL ? &ips : NULL, error);
}

void redis_lookup_forget(struct redis_lookup *k)
{
    if (k == NULL)
        return;
    struct question *q = k->question;
    if (part(k))
        question_free(q);
}

static int start_thread(struct question *q)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_mutex_lock(&asked.lock);
    int rc = write_down(q);
    pthread_mutex_unlock(&asked.lock);
    if (rc < 0)
        return rc;
    rc = pthread_attr_init(&attr);
    if (rc == 0) {
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        rc = pthread_create(&thread, &attr, ask, q);
        pthread_attr_destroy(&attr);
    }
    if (rc != 0) {
        pthread_mutex_lock(&asked.lock);
        strike_off(q);
        pthread_mutex_unlock(&asked.lock);
    }
    return -rc;
}

int redis_lookup_start(uv_loop_t *loop, const char *host, redis_lookup_fn done, void *cookie,
                       struct redis_lookup **ret)
{
    struct redis_lookup *k = mem_zalloc(sizeof *k);
    struct question *q = mem_zalloc(sizeof *q);
    *k = (struct redis_lookup){ .done = done, .cookie = cookie, .question = q };
    k->answered.data = k;
    q->asker = k;
    q->host = mem_strdup(host);
    int rc = uv_async_init(loop, &k->answered, on_answered);
    if (rc < 0) {
        question_free(q);
        free(k);
        return rc;
    }
    rc = start_thread(q);
    if (rc < 0) {
        uv_close((uv_handle_t *)&k->answered, on_closed);
        question_free(q);
        return rc;
    }
    *ret = k;
    return 0;
}
