/**
 * tls_door: the certificate of a listener with TLS, and how many handshakes it begins.
 *
 * A handshake costs the worker 0.5 ms to 12 ms of its core, by the certificate's key, so a listener
 * begins limits.tls_handshakes_per_second of them; connections beyond that wait in the kernel's
 * queue until the next second.
 *
 *   thread   control
 */
#ifndef LISTEN_TLS_DOOR_H
#define LISTEN_TLS_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "listen/address.h"
#include "listen/stream_counts.h"
#include "tls/opts.h"

/* A connection whose handshake is not done after this long is closed. */
enum { TLS_DOOR_HANDSHAKE_MS = 5000 };

struct tls_bundle;
struct tls_door;

static inline bool tls_door_wanted(const struct listen_address *a)
{
    return a->tls_cert[0] != '\0';
}

/* Handshakes that are under way at a time, at most. */
uint64_t tls_door_handshakes(const struct listen_address *a);

/* The files of a, and what clients have to bring.  Points into a. */
struct tls_opts tls_door_opts(const struct listen_address *a);

/**
 * tls_door_open(a, counts, ret, error):
 *   a, counts   of the listener; borrowed.  counts.tls is kept up to date
 *   error       on failure gets the mistakes, for people, in one line; warnings are logged
 *   returns     0; -EINVAL
 */
int tls_door_open(const struct listen_address *a, struct stream_counts *counts,
                  struct tls_door **ret, struct buf *error);

/* The bundle that a connection gets, which is accepted now: it begins a handshake. */
struct tls_bundle *tls_door_begin(struct tls_door *d);

/* How long to accept no more, in ms; 0: go on. */
uint64_t tls_door_rest_ms(struct tls_door *d, uint64_t now_ms);

/* Load the files if they have changed: to be called once a second.  Logs what came of it. */
void tls_door_look(struct tls_door *d);

/* Load the files in any case. */
void tls_door_reload(struct tls_door *d);

void tls_door_free(struct tls_door *d); /* NULL is fine */

#endif
