/**
 * tap_ring: copies of datagrams on their way from the thread that reads them to one that looks at
 * them later.
 *
 *     producer                                consumer
 *     --------                                --------
 *     tap_ring_put ... (copies)               tap_ring_next ... (lends)
 *     tap_ring_publish        ════════>
 *                             <════════       tap_ring_release
 *
 * A ring of bytes with one writer and one reader.  Neither waits for the other and nobody is woken:
 * the consumer looks when it wants to.  What finds the ring full is dropped and counted.  Publish
 * and release are for a batch each, so that the two threads fetch each other's cache lines once a
 * batch and not once a datagram.
 *
 *   thread   as each function says; new and free: while neither side uses it
 */
#ifndef BASE_TAP_RING_H
#define BASE_TAP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum { TAP_RING_BYTES = 4 << 20, TAP_RING_LEAST = 256 };

/* Who sent it, in the record's own form: a struct sockaddr has 16 to 110 bytes. */
struct tap_sender {
    uint8_t address[16]; /* network order; AF_INET: the first 4 */
    uint32_t port;       /* host order; AF_UNIX: the process, 0: not known */
    uint8_t family;      /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: not asked for, or it has none */
};

/* As an address with its port, "pid:4711", or "": not known. */
void tap_sender_print(const struct tap_sender *s, char out[ADDRESS_TEXT_MAX]);

/* Without the port, which is another with each socket: "10.0.0.7", "unix:pid 42", or "". */
void tap_sender_print_host(const struct tap_sender *s, char out[ADDRESS_TEXT_MAX]);

enum tap_flags {
    TAP_TRUNCATED = 1, /* the kernel cut it to DATAGRAM_MAX */
    TAP_STREAM = 2     /* a piece of a stream: whole lines, or a frame without its length */
};

struct tap_record {
    uint32_t bytes;    /* the ring's: of all of it, a multiple of 8 */
    uint32_t len;      /* bytes behind it */
    uint32_t orig_len; /* the datagram's; above len: the tap keeps the front of each alone */
    float share;       /* of all that came then, how much was taken: above 0, at most 1 */
    uint64_t stamp_ns; /* when it came, CLOCK_REALTIME */
    struct tap_sender sender;
    uint8_t flags;     /* enum tap_flags */
    uint16_t listener; /* place of the socket at its worker */
};

static inline const char *tap_record_data(const struct tap_record *rec)
{
    return (const char *)(rec + 1);
}

struct tap_ring;

/* bytes: a power of two, at least TAP_RING_LEAST.  One that could not hold a record drops it. */
struct tap_ring *tap_ring_new(size_t bytes);
void tap_ring_free(struct tap_ring *r); /* NULL is fine */

/**
 * tap_ring_put(r, rec, data):
 * Copy a datagram in; the consumer sees it after tap_ring_publish.
 *   rec      all but `bytes`; data has rec->len bytes.  Both borrowed for the call
 *   returns  false: the ring is full, which is counted
 *   thread   producer
 *   cost     one copy; no lock, allocation, clock or system call
 */
bool tap_ring_put(struct tap_ring *r, const struct tap_record *rec, const char *data);

/* Show the consumer what was put.  thread  producer */
void tap_ring_publish(struct tap_ring *r);

/*
 * The next record that was published; NULL: no more.  It stays until tap_ring_release.
 * thread  consumer
 */
const struct tap_record *tap_ring_next(struct tap_ring *r);

/* Give back the room of all records that tap_ring_next returned.  thread  consumer */
void tap_ring_release(struct tap_ring *r);

/* Since the beginning.  thread  any */
struct tap_ring_counts {
    uint64_t put, put_bytes;         /* bytes: of the datagrams as they came */
    uint64_t dropped, dropped_bytes; /* found the ring full */
};

struct tap_ring_counts tap_ring_counts(const struct tap_ring *r);

#endif
