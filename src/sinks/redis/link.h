/**
 * redis_link: one connection to one Redis, restored whenever it ends.
 *
 *   WAITING --timer--> RESOLVING --> CONNECTING --> GREETING --> READY
 *      ^                   |              |             |          |
 *      +------ backoff ----+--------------+-------------+----------+      (backoff.h)
 *
 * A host with several addresses (lookup.h): one that refuses is followed by the next at once, and
 * it is a failure when none is left.  One that does not answer takes the time of the attempt; the
 * next attempt begins with another.
 *
 * Greeting: AUTH, CLIENT SETNAME, SELECT, SCRIPT LOAD (greeting.h).  An error there (WRONGPASS,
 * NOPERM, LOADING ..) is one more reason to try again later, and so is a TLS that fails.  It is
 * logged as `redis refused` with what to do, at most every 10 s; the operator may repair it while
 * the server runs.  So is a connection that ends three times in a row before the greeting is
 * answered, as a proxy ends it at a command that it does not know.
 *
 * The backoff is reset only when the owner says that Redis did useful work (redis_link_thrive), so
 * a Redis that accepts connections and refuses every command is not hammered.
 *
 * Timeouts: connect_timeout for resolving, connecting and greeting together; reply_timeout without
 * a reply while commands are in flight.  A reply that came while the loop was busy elsewhere is in
 * time.
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_LINK_H
#define SINKS_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "sinks/redis/greeting.h"
#include "sinks/redis/url.h"

struct redis_link;
struct redis_login;

struct redis_link_opts {
    /* Who we are, and whether by TLS.  These two outlive the link.  login: what the files have to
     * say, of the same URL; NULL: there are none, and no TLS. */
    const struct redis_url *url;
    const struct redis_login *login;
    /* Where to: one of the URL's hosts, or one that a node told of.  Copied.  NULL: url->path. */
    const struct redis_host *at;
    enum redis_greets greets;
    /* Bounds of one reply: its bytes (0: 1 MiB), and how deep arrays are nested in it (0: one line,
     * no array; at most REDIS_REPLIES_DEPTH_MAX).  A reply past them ends the connection. */
    uint32_t reply_bytes_max;
    uint8_t reply_depth_max;
    const char *instance;        /* becomes the client's name; copied */
    uint32_t connect_timeout_ms; /* 0: 2,000 */
    uint32_t reply_timeout_ms;   /* 0: 5,000 */
    void *cookie;
    /* Greeted: commands may be sent. */
    void (*ready)(void *cookie);
    /* The reply to the command sent with tag, in the order of sending; it dies with the call.
     * NULL: the connection ended first, so nobody knows whether the command ran.  No command can be
     * sent then. */
    void (*reply)(void *cookie, void *tag, const redisReply *reply);
    /* An attempt failed, or the connection ended and all of it is answered, or will be right after
     * reply().  NULL: nobody wants to know.  No call of the link may follow in here. */
    void (*lost)(void *cookie);
};

struct redis_link_stats {
    uint64_t connects, disconnects; /* READY reached; READY left */
    uint64_t failures;              /* attempts that did not reach READY */
};

/* Starts at once.  Never fails: what cannot be reached is tried again. */
struct redis_link *redis_link_new(uv_loop_t *loop, const struct redis_link_opts *opts);

/* Calls reply(NULL) for what is under way.  The memory goes when the loop has closed the handles:
 * run it once more.  Never within reply() or ready(): the link goes on after them. */
void redis_link_free(struct redis_link *l);

bool redis_link_is_ready(const struct redis_link *l);
/* Why the last attempt or connection ended, for people; NULL: none has so far. */
const char *redis_link_trouble(const struct redis_link *l);
/* 40 hexadecimal digits, of the last SCRIPT LOAD; "" before the first. */
const char *redis_link_sha(const struct redis_link *l);

/**
 * redis_link_send(l, bytes, n, tag):
 *   bytes    one whole command in RESP, copied
 *   returns  false when not ready, or when too much waits for the socket: replies make room
 */
bool redis_link_send(struct redis_link *l, const char *bytes, size_t n, void *tag);

/* Redis refused a command: gives the connection up, to come back after the backoff.  What is in
 * flight is answered with NULL: before this returns, or right after reply() if it is called
 * there. */
void redis_link_retry(struct redis_link *l, const char *why);

/* Redis did useful work: the next backoff is the shortest. */
void redis_link_thrive(struct redis_link *l);
void redis_link_stats(const struct redis_link *l, struct redis_link_stats *ret);

#endif
